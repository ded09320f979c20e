"""Where the console keeps its own records: engine, tables, migrations."""
