"""The commands, a module for each kind of work; ``nmt.cli`` puts them together. They parse, call, and print."""
