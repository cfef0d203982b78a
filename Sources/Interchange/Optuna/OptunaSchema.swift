/// The tables of Optuna's schema v3.2.0.a, with the names, columns, keys and indices that Optuna 5.0.0 expects of a database.
enum OptunaSchema {
  private struct Table {
    var name: String
    /// The first column is the primary key.
    var columns: [(name: String, type: String)]
    /// Columns that are unique together.
    var unique: [String] = []
    /// The table that a column refers to.
    var reference: (column: String, table: String)?
  }

  private static func attributes(_ owner: String, _ kind: String) -> Table {
    Table(
      name: "\(owner)_\(kind)_attributes",
      columns: [
        ("\(owner)_\(kind)_attribute_id", "INTEGER NOT NULL"), ("\(owner)_id", "INTEGER"), ("key", "VARCHAR(512)"),
        ("value_json", "TEXT"),
      ], unique: ["\(owner)_id", "key"], reference: ("\(owner)_id", owner == "study" ? "studies" : "trials"))
  }

  private static let tables: [Table] = [
    Table(name: "studies", columns: [("study_id", "INTEGER NOT NULL"), ("study_name", "VARCHAR(512) NOT NULL")]),
    Table(
      name: "version_info",
      columns: [
        ("version_info_id", "INTEGER NOT NULL CHECK (version_info_id = 1)"), ("schema_version", "INTEGER"),
        ("library_version", "VARCHAR(256)"),
      ]),
    Table(
      name: "study_directions",
      columns: [
        ("study_direction_id", "INTEGER NOT NULL"), ("direction", "VARCHAR(8) NOT NULL"),
        ("study_id", "INTEGER NOT NULL"), ("objective", "INTEGER NOT NULL"),
      ], unique: ["study_id", "objective"], reference: ("study_id", "studies")),
    attributes("study", "user"), attributes("study", "system"),
    Table(
      name: "trials",
      columns: [
        ("trial_id", "INTEGER NOT NULL"), ("number", "INTEGER"), ("study_id", "INTEGER"),
        ("state", "VARCHAR(8) NOT NULL"), ("datetime_start", "DATETIME"), ("datetime_complete", "DATETIME"),
      ], reference: ("study_id", "studies")),
    attributes("trial", "user"), attributes("trial", "system"),
    Table(
      name: "trial_params",
      columns: [
        ("param_id", "INTEGER NOT NULL"), ("trial_id", "INTEGER"), ("param_name", "VARCHAR(512)"),
        ("param_value", "FLOAT"), ("distribution_json", "TEXT"),
      ], unique: ["trial_id", "param_name"], reference: ("trial_id", "trials")),
    Table(
      name: "trial_values",
      columns: [
        ("trial_value_id", "INTEGER NOT NULL"), ("trial_id", "INTEGER NOT NULL"), ("objective", "INTEGER NOT NULL"),
        ("value", "FLOAT"), ("value_type", "VARCHAR(7) NOT NULL"),
      ], unique: ["trial_id", "objective"], reference: ("trial_id", "trials")),
    Table(
      name: "trial_intermediate_values",
      columns: [
        ("trial_intermediate_value_id", "INTEGER NOT NULL"), ("trial_id", "INTEGER NOT NULL"),
        ("step", "INTEGER NOT NULL"), ("intermediate_value", "FLOAT"),
        ("intermediate_value_type", "VARCHAR(7) NOT NULL"),
      ], unique: ["trial_id", "step"], reference: ("trial_id", "trials")),
    Table(
      name: "trial_heartbeats",
      columns: [
        ("trial_heartbeat_id", "INTEGER NOT NULL"), ("trial_id", "INTEGER NOT NULL"),
        ("heartbeat", "DATETIME NOT NULL"),
      ], unique: ["trial_id"], reference: ("trial_id", "trials")),
  ]

  /// The statements that make the tables and say which version they are of.
  static var text: String {
    var lines = tables.map { table in
      var parts = table.columns.map { "\"\($0.name)\" \($0.type)" }
      parts.append("PRIMARY KEY (\"\(table.columns[0].name)\")")
      if !table.unique.isEmpty {
        parts.append("UNIQUE (\(table.unique.map { "\"\($0)\"" }.joined(separator: ", ")))")
      }
      if let (column, other) = table.reference {
        parts.append("FOREIGN KEY (\(column)) REFERENCES \(other) (\(column))")
      }
      return "CREATE TABLE \(table.name) (\(parts.joined(separator: ", ")));"
    }
    lines += [
      "CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);",
      "CREATE INDEX ix_trials_study_id ON trials (study_id);",
      "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num));",
      "INSERT INTO alembic_version VALUES ('v3.2.0.a');",
      // The first number has not changed since migrations have versions of their own.
      "INSERT INTO version_info VALUES (1, 12, '5.0.0');",
    ]
    return lines.joined(separator: "\n")
  }
}
