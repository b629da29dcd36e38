"""Rules and the dashboard: each query is one, and asks for what a server counts."""

import json
import operator
import re
from typing import Any

import pytest

from nmt.export.monitoring import files
from nmt.server.app import Metrics

# What TF Serving counts, as its sources name it (servables/tensorflow/util.cc, batching/batching_session.cc), with the
# labels of each; what ends in _latency is a histogram.
TF_SERVING = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:batching_session:queuing_latency": {"thread_pool_name"},
    ":tensorflow:serving:batching_session:wrapped_run_count": set(),
}
# What Prometheus itself adds, and what the relabelling of prometheus.yaml does.
ADDED = {"job", "instance", "pod", "track", "version", "le"}


# The values of a series by their labels.
Vector = dict[frozenset[tuple[str, str]], float]


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return [
        rule for group in yaml.safe_load(files("ko-en")["prometheus-rules.yaml"])["groups"] for rule in group["rules"]
    ]


def known(rules: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return the labels of each series."""
    found = {"up": ADDED, **{rule["record"]: ADDED | set(rule.get("labels", ())) for rule in rules if "record" in rule}}
    for name, labels in TF_SERVING.items():
        for ending in ("_bucket", "_sum", "_count") if name.endswith("_latency") else ("",):
            found[name + ending] = labels | ADDED
    metrics = Metrics()
    metrics.requests.labels("/x", "200").inc()
    metrics.seconds.labels("/x").observe(1)
    for family in metrics.registry.collect():
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, set()) | set(sample.labels) | ADDED
    return found


def selectors(query: str) -> list[Any]:
    """Parse a query, and return the series that it reads, each with the labels it chooses by."""
    promql_parser = pytest.importorskip("promql_parser", reason="the grammar of Prometheus is not installed")
    found: list[Any] = []

    def visit(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            found.append((part.name, [matcher.name for matcher in part.matchers.matchers]))

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def test_the_rules_read_what_is_counted(rules: list[dict[str, Any]]) -> None:
    series = known(rules)
    for rule in rules:
        read = selectors(rule["expr"])
        assert read, rule
        for name, labels in read:
            assert set(labels) <= series[name], rule
    alerts = [rule for rule in rules if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 5
    for alert in alerts:
        assert re.fullmatch(r"\d+m", alert["for"]) and {"severity"} <= set(alert["labels"]) <= {"severity", "model"}
        assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= ADDED


def value(query: Any, series: dict[str, Vector]) -> Any:
    """Return a number or a Vector: a query without functions, by the few rules of PromQL that are needed here."""
    import promql_parser

    match query:
        case promql_parser.NumberLiteral():
            return float(query.val)
        case promql_parser.ParenExpr():
            return value(query.expr, series)
        case promql_parser.VectorSelector():
            wanted = {(matcher.name, matcher.value) for matcher in query.matchers.matchers}
            return {labels: number for labels, number in series.get(query.name, {}).items() if wanted <= labels}
        case promql_parser.AggregateExpr():
            assert str(query.op) == "max" and query.modifier is None
            of = value(query.expr, series)
            return {frozenset(): max(of.values())} if of else {}
    left, right, does = value(query.lhs, series), value(query.rhs, series), str(query.op)
    if does == "or":
        return right | left
    count = {"+": operator.add, "*": operator.mul, "/": operator.truediv, ">": operator.gt}[does]
    if isinstance(left, float) and isinstance(right, float):
        return float(count(left, right))
    # A number stands beside each value; values without a partner of the same labels are left out.
    places = [set(side) for side in (left, right) if isinstance(side, dict)]
    pairs = {
        labels: tuple(side[labels] if isinstance(side, dict) else side for side in (left, right))
        for labels in set.intersection(*places)
    }
    if does == ">":
        return {labels: pair[0] for labels, pair in pairs.items() if count(*pair)}
    return {labels: float(count(*pair)) for labels, pair in pairs.items()}


def test_a_canary_is_worse_than_a_version_that_never_failed(rules: list[dict[str, Any]]) -> None:
    promql_parser = pytest.importorskip("promql_parser", reason="the grammar of Prometheus is not installed")
    queries = {rule.get("record", rule.get("alert")): promql_parser.parse(rule["expr"]) for rule in rules}
    ratio, worse = "nmt:failed_requests:ratio5m", "CanaryWorse"
    stable, canary, other = (
        frozenset({("model", model), ("track", track), ("version", version)})
        for model, track, version in (("ko-en", "stable", "1"), ("ko-en", "canary", "2"), ("en-ko", "stable", "1"))
    )
    # A counter appears with the first failure: the stable version has none.
    series: dict[str, Vector] = {
        "nmt:requests:rate5m": {stable: 9.0, canary: 1.0, other: 5.0},
        "nmt:failed_requests:rate5m": {canary: 0.25, other: 5.0},
    }
    ratios = value(queries[ratio], series)
    assert ratios == {stable: 0.0, canary: 0.25}
    # 0.25 > 0.005 + 2 * 0; a stable version that fails as often is no worse.
    assert value(queries[worse], {ratio: ratios}) == {frozenset(): 0.25}
    assert value(queries[worse], {ratio: {stable: 0.25, canary: 0.25}}) == {}


def test_only_what_the_server_is_to_blame_for_is_a_failure(rules: list[dict[str, Any]]) -> None:
    (query,) = [rule["expr"] for rule in rules if rule.get("record") == "nmt:failed_requests:rate5m"]
    (statuses,) = re.findall(r'status=~"(.*?)"', query)
    assert re.fullmatch(statuses, "UNAVAILABLE")
    assert not any(re.fullmatch(statuses, status) for status in ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "CANCELLED"))


def test_two_kits_in_one_prometheus_stay_apart() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    kits = [files(name) for name in ("no", "ko-en")]
    jobs = {yaml.safe_load(kit["prometheus.yaml"])["scrape_configs"][0]["job_name"] for kit in kits}
    assert jobs == {"tf-serving-no", "tf-serving-ko-en"}
    group = yaml.safe_load(kits[0]["prometheus-rules.yaml"])["groups"][0]
    assert all(rule["labels"]["model"] == "no" for rule in group["rules"])
    panels = json.loads(kits[0]["grafana-dashboard.json"])["panels"]
    # Those of the first row; the second one is of all servers of `nmt serve`.
    ours = [target["expr"] for panel in panels for target in panel.get("targets", ()) if "nmt_" not in target["expr"]]
    read = [selector for query in ours + [rule["expr"] for rule in group["rules"]] for selector in selectors(query)]
    assert len(read) > 20 and all({"model", "model_name", "job"} & set(labels) for _, labels in read)


def test_the_dashboard_draws_what_is_counted(rules: list[dict[str, Any]]) -> None:
    dashboard = json.loads(files("ko-en")["grafana-dashboard.json"])
    series = known(rules)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    for panel in panels:
        for target in panel["targets"]:
            for name, labels in selectors(target["expr"]):
                assert set(labels) <= series[name], panel
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    # No two overlap.
    places = [(x, y) for panel in panels for x, y in [(panel["gridPos"]["x"], panel["gridPos"]["y"])]]
    assert len(set(places)) == len(places) and "ko-en" in dashboard["title"]


def test_prometheus_finds_the_pods_of_the_kit() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    config = yaml.safe_load(files("Ko_en")["prometheus.yaml"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["tf-serving-ko-en"]["metrics_path"] == "/monitoring/prometheus/metrics"
    assert {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "ko-en", "action": "keep"} in jobs[
        "tf-serving-ko-en"
    ]["relabel_configs"]
    assert config["rule_files"] == ["prometheus-rules.yaml"] and jobs["nmt-serve"]["metrics_path"] == "/metrics"
