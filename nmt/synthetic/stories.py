"""The stories of the headline corpus: fires, mergers, elections, and the words they are told with.

A story is written in a small language. ``[one|other]`` is a choice, ``{name}`` a fact that is chosen once and then
stays, ``{name2}`` another fact of the same kind, ``{name.2}`` its second form: ``a faulty heater`` in the item is
``faulty heater`` in the headline.
"""

from nmt.synthetic.lexicon import listed

TOWN_BEGINS = listed(
    "North South East West Oak Ash Mill Stone Red Silver Glen Fair King Queen High Green Clear Black White Wood Bridge "
    "Lake Thorn Haw Lin Mar Wren Fox Hart Bell Cross Spring Summer Winter"
)
TOWN_ENDS = listed("field ford port wick brook mouth dale ridge haven ton bury stead")
FIRM_BEGINS = listed("Nor Vel Cal Tal Bren Ost Hal Kor Ser Mon Del Fen Gar Lum Pel Ral Sol Tor Ver Zan")
FIRM_ENDS = listed("den mont vale ris well ora nova lin mark gard sel")
FIRST_NAMES = listed(
    "Anna Peter Maria James Laura David Nina Thomas Sara Daniel Emma Paul Julia Martin Clara Simon Helen Oscar Rosa "
    "Adam Lena Victor Alice Samuel Irene George Mina Hugo Elena Frank Grace Omar Ruth Leo Priya Ivan Yuna Carlos Aisha"
)
SURNAMES = listed(
    "Kerr Lindqvist Marsh Okafor Bauer Novak Reyes Park Hale Moretti Shaw Duarte Quinn Haddad Larsen Blake Fischer Ito "
    "Morgan Singh Weaver Castillo Doyle Petrov Rahman Sutton Vance Yilmaz Abbott Chen Dalton Ekberg Flynn Greco Hughes "
    "Jansen Kowalski Lambert Mensah Nolan Ortega Pryce Rossi Sandoval Thorne Urban Varga Whitaker Young Zeller"
)

# The facts of every story, each a list of choices; slashes separate the forms of one choice.
COMMON_FACTS = """
day = Monday | Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday
weekday = Monday | Tuesday | Wednesday | Thursday | Friday
month = January | February | March | April | May | June | July | August | September | October | November
third = second | third | fourth
few = two | three | four | five | six | seven | eight | nine
teen = 17 | 18 | 19 | 20
job = a former teacher | a doctor | a lawyer | a bookseller | an engineer | a farmer | a retired judge | a bus driver
product = furniture | paper | glass | shoe | tire | battery | engine | textile | bicycle | piano | toy | clock
"""
COMMON_BACKGROUND = """
{town} has about {thousands8} inhabitants.
{town} lies [on the coast|in the hills|on the river], [about|some] {dozens8} miles from [the capital|the border].
In {town}, [people talked of little else for days|the news was on everybody's lips by noon].
"""

STORIES = """
lead: {firm}, [one of the country's largest {product} makers|a {product} maker founded in {year}], said on {weekday}
  that it would close its oldest [plant|factory] [by the end of {month}|before the end of the year].
lead: [After months of uncertainty|After {few} years of losses|To the dismay of its workers], the {product} maker
  {firm} announced on {weekday} that its oldest [plant|factory] would close [in {month}|before the end of the year].
angle: All {hundreds} workers at the site, in {town}, will lose their jobs[|, according to the union|, and few expect
  to find similar work nearby]. => {firm} to close {town} plant, cutting {hundreds} jobs
angle: The site, in {town}, has been [losing money|in trouble] since {reason}[|, managers said]. => {firm} to close
  {town} plant as {reason.2}
quote: "[This is the hardest decision we have had to make|We looked at every other way out|We kept hoping that the
  orders would come back]," said [the chief executive, {person}|{person}, who runs the company].
background: [The company made a loss of {millions} last year|The company has {few2} other sites and has promised to
  keep them open].
reason = foreign demand collapsed / foreign demand collapses | energy costs doubled / energy costs double | cheap
  imports arrived / cheap imports arrive | its largest customer went bankrupt / largest customer fails | orders from
  abroad dried up / orders dry up

lead: The city council of {town} [decided on {weekday}|voted on {weekday}|agreed late on {weekday}] to {deed}[|,
  ending months of argument|, one of the main promises of the new mayor].
lead: [After a debate of {few} hours|After years of discussion|To the surprise of many], the city council of {town}
  [decided|agreed] on {weekday} to {deed}.
angle: The [plan|proposal] passed by {vote}[|, with the two largest parties in favor|, and the losing side left in
  anger]. => {town} council {deed.2} in {vote.2} vote
angle: A petition in favor of the [plan|idea] had [gathered|collected] {thousands} signatures [since {month}|in {few2}
  weeks]. => {town} {deed.2} after {thousands} sign petition
angle: [Outside|In front of] the town hall, {hundreds} people [protested|demonstrated] against the [plan|decision][|,
  some of them until midnight]. => {town} {deed.2} despite protest by {hundreds}
quote: "[In {few3} years nobody will want to go back|It is what people here have been asking for|We cannot please
  everyone]," said [the mayor, {person}|{person}, who proposed the plan].
background: [A similar plan failed in {year}|The cost is put at {millions}|{town2} took the same step in {year}].
deed = ban cars from the streets around the cathedral / bans cars near cathedral | raise parking charges in the center
  / raises parking charges | close two of its branch libraries / closes two libraries | let stores open on Sundays /
  allows Sunday shopping | build a footbridge over the river / approves river footbridge | put solar panels on every
  school / approves school solar panels | limit the number of vacation rentals / limits vacation rentals | replace its
  old buses with electric ones / buys electric buses | tear down the empty post office / demolishes post office |
  forbid leaf blowers in the early morning / bans early leaf blowers | make the swimming pools free for children /
  makes pools free
vote = nine votes to four / 9-4 | eight votes to three / 8-3 | seven votes to six / 7-6 | nine votes to two / 9-2 |
  seven votes to five / 7-5 | six votes to five / 6-5 | eight votes to seven / 8-7 | five votes to four / 5-4

lead: A fire [tore|swept] through {place} in {town} [early on {day}|late on {day}|shortly before dawn on {day}],
  [sending thick smoke over the neighborhood|and it took {few} hours to put it out].
lead: [Crews from {few} fire stations|More than {dozens} firefighters] [fought|battled] a blaze that destroyed
  [most|the upper floor|the roof] of {place} in {town} on {day}.
angle: {few2} people were taken to the hospital, [most of them because of the smoke|although none of them had serious
  burns]. => {few2} hurt in {town} {place.2} fire
angle: All {dozens2} people who were inside [got out|escaped] [through a back door|down an emergency staircase|before
  the roof fell in]. => {dozens2} escape {town} {place.2} fire
angle: [Investigators believe|The fire department said] that {cause} started it[|, although the inquiry is not over].
  => {cause.2} blamed for {town} {place.2} fire
quote: "[Our crews prevented something far worse|Another ten minutes and the roof would have come down]," said the
  fire chief, {person}.
quote: "[I have never seen flames that high|The noise woke the whole street]," said {person}, who lives across the
  street.
background: [The building dates from {year}|The building was last inspected in {month}|It was the {third} fire on that
  street in {few3} years].
place = an old warehouse / warehouse | a furniture store / furniture store | a hotel / hotel | a school gymnasium /
  school gym | an apartment building / apartment building | a bakery / bakery | a nursing home / nursing home | a shoe
  factory / shoe factory | a supermarket / supermarket | a theater / theater | a department store / department store
cause = a faulty heater / faulty heater | a burning cigarette / cigarette | lightning / lightning | an overloaded
  cable / overloaded cable | a forgotten candle / candle | a pan of hot oil / hot oil | a broken lamp / broken lamp

lead: [Roads were blocked and trees uprooted|Trees fell on cars and houses|Cellars filled with water] when {weather}
  [hit|struck|swept over] {town} and the villages around it on {day}.
lead: People in {town} were [clearing up|counting the cost] on {day} after {weather} [passed over the region|moved
  through|struck during the night].
angle: About {thousands} homes [lost power|were left without electricity][, and repairs may take until {weekday2}|,
  said a spokeswoman for the power company]. => {weather.2} leaves {thousands} {town} homes without power
angle: All schools will [stay|remain] closed until {weekday2}[, when the weather should improve|, the school board
  decided]. => {weather.2} closes {town} schools until {weekday2}
angle: The [local|regional] airport had to cancel {dozens} flights[|, and many travelers spent the night there]. =>
  {weather.2} forces {town} airport to cancel {dozens} flights
angle: Some {hundreds} people [were taken to shelters|spent the night in a sports hall] [after the river burst its
  banks|because their houses were no longer safe]. => {weather.2} drives {hundreds} from homes in {town}
quote: "[I have lived here all my life and never seen anything like it|We do not know yet how much has been lost|The
  worst seems to be over, but nobody should go out tonight]," said {person}, [the mayor|who leads the emergency
  services].
background: [Gusts of {gust} miles an hour were measured|The last storm of such force came in {year}|Forecasters had
  warned of it since {day3}].
weather = a violent storm / storm | heavy snow / snowstorm | a thunderstorm / thunderstorm | an ice storm / ice storm
  | a tropical storm / tropical storm | a hailstorm / hailstorm | a cloudburst / cloudburst
gust = 61 | 64 | 67 | 72 | 76 | 81 | 85 | 88 | 93

lead: {town} {club} is through to {stage} after [a hard-fought|an unexpected|a well-earned] win over {town2} [in the
  rain|in front of {thousands} fans|away from home] on {day}.
lead: [In front of {thousands} fans|In front of a full stadium|On a muddy field] on {day}, {town} {club} [knocked
  out|defeated] {town2} and [moved on to|earned a place in] {stage}.
angle: The match ended {score}, [although {town2} had scored first|with every goal coming in the second half]. =>
  {town} beats {town2} {score} to reach {stage.2}
angle: {person}, who [joined the club in {month}|had just recovered from an injury|turned {teen} last week], scored
  the [winner|deciding goal] {few} minutes from the end. => Late {person.2} goal sends {town} to {stage.2}
angle: It took penalties to decide the match, and the goalkeeper, {person}, saved {saves} of them. => {person.2} saves
  {saves} penalties as {town} advances
quote: "[We never stopped believing|The second half was the best we have played|I am proud of every one of them],"
  said the coach, {person2}.
background: [The club last won the trophy in {year}|The two teams had not met since {year}|The next match is on
  {day2}].
club = United | Rovers | City | Wanderers | Athletic | Town | Rangers
stage = the cup final / cup final | the quarterfinals / quarterfinals | the semifinals / semifinals | the second round
  / second round | the league final / league final
score = 2-1 | 3-1 | 3-2 | 4-1 | 4-2 | 4-3 | 5-1 | 5-2 | 5-3
saves = two | three

lead: [Biologists|Researchers|Scientists] at the University of {town} have [discovered|described] a new species of
  {find}, according to a [study|paper] [published|presented] on {weekday}.
lead: A {find} that [had been overlooked for decades|was long mistaken for a common one|no book describes] turns out
  to be a new species, [researchers|scientists] at the University of {town} reported on {weekday}.
angle: It was first [seen|noticed] in {spot} near {town2}[|, where the team was looking for something else|, {few}
  years ago]. => {town} researchers find new {find} species in {spot.2}
angle: Only {dozens} of them are [known to exist|thought to be left][|, all within a few miles of {town2}]. => {town}
  team finds {find} species with {dozens} survivors
quote: "[We thought at first that it was a mistake|I had walked past it a hundred times|Every expert we asked was
  baffled]," said {person}, [who led the work|one of the authors].
background: [The field work took {few2} years|The last such discovery in the region was made in {year}|The study was
  paid for by {firm}].
find = frog | bat | beetle | orchid | spider | lizard | moth | mushroom | crab | snail | fern
spot = a flooded cave / flooded cave | an abandoned quarry / abandoned quarry | a city park / city park | a pine
  forest / pine forest | a railroad tunnel / railroad tunnel | a drainage ditch / drainage ditch | a salt marsh / salt
  marsh

lead: {finder} have [uncovered|come across] {find} near {town}, the [state|regional] heritage office [said|announced]
  on {weekday}.
lead: {find}, [unseen for centuries|which no record mentions|almost undamaged], has been [found|discovered] near
  {town} by {finder}, the heritage office said on {weekday}.
angle: [Tests|First tests] [suggest|show] that it is about {age} years old[|, {few} centuries older than anything else
  found there|, a surprise even to the experts]. => {finder.2} find {age}-year-old {find.2} near {town}
angle: [Historians|Experts] [think|believe] that it belonged to {owner}[|, though they cannot be sure yet]. =>
  {find.2} found near {town} linked to {owner.2}
quote: "[It looks as if it had been left there yesterday|We have only seen a small part of it|This changes what we
  know about the region]," said {person}, [an archaeologist|who is in charge of the site].
background: [The site will be closed to visitors until {month}|The last find of such importance was made in {year}|The
  find is to be shown in the city museum for {few2} months].
finder = workers laying a water pipe / pipe workers | students on a field trip / students | divers looking for mussels
  / divers | hikers sheltering from the rain / hikers | children planting trees / children | builders digging a cellar
  / builders | soldiers on an exercise / soldiers
find = a burial ship / burial ship | a stone temple / stone temple | a wooden bridge / wooden bridge | a warrior's
  grave / warrior's grave | a silver hoard / silver hoard | a bathhouse / bathhouse | a cave painting / cave painting
owner = a forgotten queen / forgotten queen | a band of pirates / pirate band | a lost monastery / lost monastery |
  traders from the south / southern traders | a defeated army / defeated army

lead: A {work} that had hung in {hung} for {dozens} years [was sold|went under the hammer] at an auction in {town} on
  {day}.
lead: Nobody had [paid attention to|looked twice at] the {work} in {hung}, but on {day} it was the [star|main
  attraction] of an auction in {town}.
angle: [After {few} minutes of bidding, a|A] [private collector|foreign museum] paid {millions} for it, [about {few2}
  times the estimate|far more than anyone had expected]. => {work} from {hung.2} sells for {millions}
angle: Experts have [recognized it as|shown it to be] a lost work by {person}[|, who died in poverty|, of which only a
  sketch was known]. => Lost {person.2} {work} surfaces in {hung.2}
quote: "[I only liked the frame|We used to throw balls at it|It was too dark to see what it was]," said the previous
  owner, {person2}.
background: [About {hundreds} people came to watch|The new owner has promised to lend it to the city museum|In {year2}
  it had changed hands for {cash}].
work = landscape | portrait | still life | seascape | self-portrait
hung = a school canteen / school canteen | a dentist's waiting room / dentist's office | a farmhouse kitchen /
  farmhouse kitchen | a village pub / village pub | a police station / police station | a hotel corridor / hotel
  corridor

lead: Thieves broke into {target} in {town} [in the early hours of {day}|late on {day}][|, police said| while the
  guards were changing shifts| by cutting a hole in the roof].
lead: Police in {town} are [looking for witnesses|asking for help] after thieves broke into {target} [in the early
  hours of {day}|late on {day}].
angle: The thieves [took|made off with|loaded a van with] {dozens} {target.3}[|, some of which have since been offered
  for sale| and left by the back door]. => Thieves steal {dozens} {target.3} from {town} {target.2}
angle: {few} men were arrested [soon afterward|on {day2}] [at a roadblock|at a gas station|on a train] near {town2}[|,
  but the loot is still missing]. => {few} arrested after {town} {target.2} theft
quote: "[They knew exactly what they wanted|It was over in less than ten minutes|They had clearly been there before],"
  said {person}, [who leads the investigation|a neighbor].
background: [The damage is put at {cash}|The alarm had been out of order since {month}|It was the {third} break-in on
  the street this year].
target = the city museum / museum / paintings | a jewelry store / jewelry store / watches | a bicycle shop / shop /
  racing bicycles | a music school / music school / violins | an electronics warehouse / warehouse / phones | a sheep
  farm / farm / sheep | a wine merchant's cellar / wine cellar / bottles | a university library / library / rare maps

lead: {donor}, [known to neighbors as a modest person|who lived in two rooms above a store|who never spoke about
  money], has left [a fortune|almost everything] to {place} in {town}, a lawyer said on {weekday}.
lead: [The staff|The director] of {place} in {town} learned on {weekday} that {donor} had [remembered it in a
  will|left it a large sum][|, which nobody had expected].
angle: The gift [is worth|amounts to] {millions}[, the largest in its history|, more than its budget for {few} years].
  => {donor.2} leaves {millions} to {town} {place.2}
angle: The money [is to|will] [pay for|be used for] {use}[|, which had been put off for {few2} years|, to be finished
  in {month}]. => {donor.2} pays for {town} {place.2} {use.2}
quote: "[We could not believe it|Nobody here had any idea|I only wish we could say thank you]," said {person}, [the
  director|who works there].
background: [The donor died in {month2} at the age of {old}|The institution has {dozens} employees and dates from
  {year}].
donor = a retired teacher / retired teacher | a former bus driver / bus driver | a school caretaker / school caretaker
  | a night nurse / night nurse | a dairy farmer / dairy farmer | a watchmaker / watchmaker | a cleaner / cleaner
place = the public library / library | the children's hospital / children's hospital | the animal shelter / animal
  shelter | the fire department / fire department | the swimming club / swimming club | the music school / music
  school
use = a new roof / roof | a larger building / building | a garden / garden | a new kitchen / kitchen | an elevator /
  elevator
old = 81 | 84 | 87 | 89 | 92 | 94 | 96

lead: {person}, {job}, was elected mayor of {town} on {day}[| after a campaign about rents and bus fares| after
  promising to reopen the swimming pool].
lead: [Voters|The voters] in {town} [chose|elected] {person}, {job}, as their [new|next] mayor[ on {day}| in an
  election held on {day}].
angle: [When everything had been counted, {person.2} had|The winner received] {share} percent of the vote[|, more than
  any poll had predicted]. => {person.2} wins {town} mayoral race with {share} percent
angle: The [margin was|two leading candidates were separated by] just {dozens} votes[|, and there may be a recount].
  => {person.2} wins {town} mayoral race by {dozens} votes
angle: The loser was {person2}, [who had held the office for {few} years|who had been the favorite for months]. =>
  {person.2} defeats {person2.2} in {town} mayoral race
quote: "[The real work starts tomorrow|I will be the mayor of those who voted against me too|Now we have to keep our
  word]," {person.2} told supporters[| at a small restaurant| in front of the town hall].
background: [About {turnout} percent of those entitled to vote did so|{few} candidates had stood for the office|The
  new mayor takes over in {month}].
share = 46 | 48 | 51 | 52 | 53 | 54 | 56 | 57 | 59 | 61 | 63 | 66
turnout = 38 | 41 | 43 | 44 | 47 | 49 | 55 | 58 | 62 | 64

lead: [Shoppers|Customers] [paid noticeably more|had to pay more] for {good} in {month}, [the statistics office
  reported|official figures showed] on {weekday}.
lead: [Not for the first time this year|Once again], {good} [became|got] more expensive in {month}, according to
  [figures|a report] [published|released] on {weekday}.
angle: The price was {percent} percent higher than a year earlier, [mainly|largely] because of {cause}. => {good}
  prices rise {percent} percent after {cause.2}
angle: Not since {year} has the price [risen|gone up] so fast[|, and no end is in sight|, economists said]. => {good}
  prices rise at fastest pace since {year}
quote: "[Our own costs left us no choice|People are buying less and complaining more|Nobody in the trade expected
  this]," said {person}, who [owns a grocery store|runs a restaurant|speaks for the retailers] in {town}.
background: [Prices as a whole were up by {overall} percent|Wages grew by {overall} percent over the same time|A
  survey of {thousands} households found that most now buy less of it].
overall = 1 | 2 | 3
good = bread | butter | coffee | rice | chocolate | olive oil | beef | orange juice | cheese | sugar
cause = a poor harvest / poor harvest | a dry summer / dry summer | a strike at the ports / port strike | higher taxes
  / tax increase | a shortage of drivers / driver shortage | late frost / late frost | a plant disease / plant disease

lead: {line} between {town} and {town2} [opened|was opened] on {day}, {few} years later than planned[| and without
  much ceremony].
lead: After {few} years of [construction|work], {line} between {town} and {town2} was [opened to the public|handed
  over] on {day}.
angle: The new link [cuts|has cut] the [trip|journey], which used to take more than two hours, to {minutes} minutes.
  => {line.2} links {town} and {town2} in {minutes} minutes
angle: The project cost {fortune}, [about {few2} times what had been planned|most of it paid by the state]. =>
  {fortune} {line.2} opens between {town} and {town2}
quote: "[My grandchildren will no longer know what a detour is|It was worth every day of waiting|I sold my car this
  morning]," said {person}, [one of the first passengers|who had come to watch].
background: [The first plans date from {year}|About {thousands} people are expected to use it every day|{few3} workers
  were injured during construction].
line = a rail line / rail line | a highway tunnel / highway tunnel | a tram line / tram line | a suspension bridge /
  suspension bridge | a metro line / metro line | an expressway / expressway
minutes = 18 | 22 | 25 | 27 | 34 | 36 | 41 | 45 | 48 | 52

lead: {workers} in {town} [walked out|went on strike|stopped work] on {weekday}[, the {third} time this year that they
  have done so| after talks with their employers had failed].
lead: [After {few} weeks of talks without a result|As their union had threatened], {workers} in {town} [walked
  out|went on strike] on {weekday}.
angle: Their union [is asking|has asked] for {raise} percent more pay[, while the employers have offered {offer}
  percent|, arguing that rents have risen even faster]. => {town} {workers} strike for {raise} percent raise
angle: About {hundreds} {workers.2} were {workers.3}[|, and more may be if the strike goes on|, officials said]. =>
  {town} {workers} strike, {hundreds} {workers.2} {workers.3}
quote: "[We would rather be working|Nobody can live on this|We have been patient for {few2} years]," said {person},
  [who speaks for the union|who has done the job for {few4} years].
background: [A strike in {year2} lasted {few3} weeks|New talks are planned for {weekday2}|The union has about
  {thousands} members].
workers = nurses / operations / postponed | bus drivers / trips / canceled | teachers / classes / canceled | dock
  workers / containers / delayed | mail carriers / parcels / delayed | train crews / trains / canceled | court clerks
  / hearings / postponed
raise = 8 | 9 | 10 | 11 | 12 | 14 | 15
offer = 2 | 3 | 4 | 5

lead: {few} {party} who had been [reported missing|surprised by fog] near {town} on {day} [have been found alive|were
  found alive and well][|, the emergency services said|, although few had still believed it].
lead: The search for {few} {party} who never returned to {town} on {day} has ended [happily|well][|, to the relief of
  their families].
angle: {rescuer} [came across|discovered] them [in an old hut|at the foot of a cliff|under an overhanging rock]. =>
  {rescuer.2} finds {few} missing {party} near {town}
angle: The group had [lived|survived] for {few2} days on {food}[|, and all of them had lost weight]. => {few} {party}
  survive {few2} days on {food.2}
quote: "[They are cold and tired, but they will be fine|Another night would have been too much|All they asked for was
  hot soup]," said {person}, [who led the search|a doctor].
background: [More than {dozens} volunteers had taken part in the search|The temperature had fallen to {percent}
  degrees during the night|In {year} two people died in the same place].
party = hikers | climbers | campers | skiers | students | tourists
rescuer = a helicopter crew / helicopter crew | a farmer looking for a lost cow / farmer | a search dog / search dog |
  a forest ranger / forest ranger | a mountain guide / mountain guide
food = melted snow and chocolate / snow and chocolate | rainwater and berries / rainwater and berries | a bag of nuts
  / bag of nuts | cold soup / cold soup | a loaf of bread / loaf of bread

lead: {firm} [asked|told] its customers on {weekday} to [return|bring back] the {thing} it sold [between {month} and
  {month2}|since {month}].
lead: The {thing} that {firm} sold [between {month} and {month2}|since {month}] are not safe and should [be
  returned|no longer be used], the consumer agency said on {weekday}.
angle: The [warning|recall] [covers|concerns] {thousands} of them and [was prompted by|is due to] {thing.2}. => {firm}
  recalls {thousands} {thing} over {thing.3}
angle: At least {few} people have been [hurt|injured], [most of them slightly|one of them badly], [because of|by]
  {thing.2}. => {firm} recalls {thing} after {few} are hurt
quote: "[We are sorry and will pay every penny back|They should never have left the factory]," said {person}, who
  heads the company.
quote: "[Nobody ever warned me|I used mine for months without knowing]," said {person}, a customer in {town}.
background: [The company recalled another product in {year}|Its shares fell by {percent} percent after the news|A free
  number for customers has been set up].
thing = cars / brakes that may fail / faulty brakes | baby strollers / wheels that come loose / loose wheels |
  electric heaters / cables that overheat / faulty cables | bicycle helmets / straps that tear / weak straps | toy
  trucks / paint that contains lead / lead paint | ladders / hinges that break / weak hinges | coffee machines / lids
  that burst / bursting lids
"""
