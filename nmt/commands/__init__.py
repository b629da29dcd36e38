"""The commands, one module for each group; ``nmt.cli`` puts them together. They parse, call, and print."""
