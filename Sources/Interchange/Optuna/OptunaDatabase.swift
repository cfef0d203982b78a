import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Reads studies from the tables that Optuna makes in SQLite.
struct OptunaDatabase {
  /// The schemas whose tables are read here, by the version that Optuna's migrations give them. Between the two only an index
  /// was added.
  static let knownSchemas = ["v3.0.0.d", "v3.2.0.a"]

  private let database: ForeignDatabase

  /// - Throws: `InterchangeError` when the file is not an Optuna database of a schema that is known.
  init(path: String) throws(InterchangeError) {
    database = try ForeignDatabase(
      path: path, tool: "Optuna", tables: ["studies", "study_directions", "trials", "trial_params", "trial_values"])
    let hasVersion = try !database.rows(
      "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'alembic_version'"
    ) { $0.integer(0) }.isEmpty
    let schema = hasVersion ? try database.rows("SELECT version_num FROM alembic_version") { $0.text(0) }.first : nil
    guard let schema, Self.knownSchemas.contains(schema) else {
      throw InterchangeError(
        at: path,
        schema.map { "the database has Optuna's schema \($0), which is not known here" }
          ?? "the database does not say which schema of Optuna's it has",
        hint: "known are \(Self.knownSchemas.joined(separator: " and ")), of Optuna 3.0 to 5.0; "
          + "an older one is raised by 'optuna storage upgrade --storage sqlite:///\(path)'")
    }
  }

  /// The names of all studies, in the order of their creation.
  func names() throws(InterchangeError) -> [String] {
    try database.rows("SELECT study_name FROM studies ORDER BY study_id") { $0.text(0) }
  }

  /// - Throws: `InterchangeError` naming the trial and the column that cannot be read.
  func study(_ name: String) throws(InterchangeError) -> OptunaStudy {
    try database.snapshot { () throws(InterchangeError) in
      let ids = try database.rows("SELECT study_id, study_name FROM studies ORDER BY study_id") {
        ($0.integer(0), $0.text(1))
      }
      guard let id = ids.first(where: { $0.1 == name })?.0 else {
        throw InterchangeError(.notFound, at: database.path, "there is no study '\(name)'")
      }
      return try read(id, name)
    }
  }

  private func read(_ id: Int, _ name: String) throws(InterchangeError) -> OptunaStudy {
    let directions = try database.rows(
      "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", [id]
    ) { row in
      guard let direction = OptunaStudy.Direction.allCases.first(where: { $0.name == row.text(0) }) else {
        throw InterchangeError(.damaged, at: database.path, "the direction '\(row.text(0))' is not known")
      }
      return direction
    }
    var study = OptunaStudy(name: name, directions: directions)
    for (table, isUser) in [("study_user_attributes", true), ("study_system_attributes", false)] {
      let members = try database.rows("SELECT key, value_json FROM \(table) WHERE study_id = ? ORDER BY 1", [id]) {
        row in
        JSONValue.Member(row.text(0), try database.json(row, 1, "\(table) '\(row.text(0))'"))
      }
      if isUser { study.userAttributes = members } else { study.systemAttributes = members }
    }
    var trials: [Int: OptunaStudy.Trial] = [:]
    for (key, trial) in try readTrials(id) { trials[key] = trial }
    try readValues(id, &trials)
    try readParameters(id, &trials)
    try readAttributes(id, &trials)
    study.trials = trials.values.sorted { $0.number < $1.number }
    for (expected, trial) in study.trials.enumerated() where trial.number != expected {
      throw InterchangeError(
        .damaged, at: database.path, "trial \(trial.number) stands where trial \(expected) should be")
    }
    return study
  }

  private func readTrials(_ id: Int) throws(InterchangeError) -> [(Int, OptunaStudy.Trial)] {
    try database.rows(
      """
      SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ? ORDER BY trial_id
      """, [id]
    ) { row in
      let number = row.integer(1)
      guard let state = OptunaStudy.State.allCases.first(where: { $0.name == row.text(2) }) else {
        throw InterchangeError(
          .damaged, at: "\(database.path): trial \(number)", "the state '\(row.text(2))' is not known")
      }
      var trial = OptunaStudy.Trial(number: number, state: state)
      trial.started = try time(row, 3, number)
      trial.completed = try time(row, 4, number)
      return (row.integer(0), trial)
    }
  }

  /// Optuna keeps times in UTC, without saying so.
  private func time(_ row: SQLiteStatement, _ column: Int32, _ number: Int) throws(InterchangeError) -> Timestamp? {
    guard !row.isNull(column) else { return nil }
    guard let time = TimeReading.time(row.text(column), zone: .utc) else {
      throw InterchangeError(.damaged, at: "\(database.path): trial \(number)", "'\(row.text(column))' is no time")
    }
    return time
  }

  /// A number whose kind stands in a column of its own.
  private func typed(_ row: SQLiteStatement, _ column: Int32, _ place: String) throws(InterchangeError) -> Double {
    switch row.text(column + 1) {
    case "FINITE" where !row.isNull(column): return row.double(column)
    case "INF_POS": return .infinity
    case "INF_NEG": return -.infinity
    case "NAN": return .nan
    default:
      throw InterchangeError(
        .damaged, at: "\(database.path): \(place)", "a value of the kind '\(row.text(column + 1))' is not known")
    }
  }

  private func readValues(_ id: Int, _ trials: inout [Int: OptunaStudy.Trial]) throws(InterchangeError) {
    let values = try database.rows(
      """
      SELECT trial_id, objective, value, value_type FROM trial_values
      JOIN trials USING (trial_id) WHERE study_id = ? ORDER BY trial_id, objective
      """, [id]
    ) { row in (row.integer(0), row.integer(1), try typed(row, 2, "trial_values")) }
    for (trial, objective, value) in values {
      guard objective >= 0, objective < 1000 else {
        throw InterchangeError(.damaged, at: database.path, "a value of objective \(objective) is impossible")
      }
      while trials[trial]?.values.count ?? .max <= objective { trials[trial]?.values.append(nil) }
      trials[trial]?.values[objective] = value
    }
    let intermediate = try database.rows(
      """
      SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values
      JOIN trials USING (trial_id) WHERE study_id = ? ORDER BY trial_id, step
      """, [id]
    ) { row in (row.integer(0), row.integer(1), try typed(row, 2, "trial_intermediate_values")) }
    for (trial, step, value) in intermediate { trials[trial]?.intermediate.append((step, value)) }
  }

  private func readParameters(_ id: Int, _ trials: inout [Int: OptunaStudy.Trial]) throws(InterchangeError) {
    // Most trials share their distributions, which are texts.
    var known: [String: OptunaDistribution] = [:]
    let parameters = try database.rows(
      """
      SELECT trial_id, number, param_name, param_value, distribution_json FROM trial_params
      JOIN trials USING (trial_id) WHERE study_id = ? ORDER BY trial_id, param_id
      """, [id]
    ) { row in
      let place = "\(database.path): trial \(row.integer(1)): parameter '\(row.text(2))'"
      guard !row.isNull(3) else { throw InterchangeError(.damaged, at: place, "there is no value") }
      let text = row.text(4)
      let distribution = try known[text] ?? OptunaDistribution(text, at: place)
      known[text] = distribution
      return (
        row.integer(0), OptunaStudy.Parameter(name: row.text(2), number: row.double(3), distribution: distribution)
      )
    }
    for (trial, parameter) in parameters { trials[trial]?.parameters.append(parameter) }
  }

  private func readAttributes(_ id: Int, _ trials: inout [Int: OptunaStudy.Trial]) throws(InterchangeError) {
    for (table, isUser) in [("trial_user_attributes", true), ("trial_system_attributes", false)] {
      let members = try database.rows(
        """
        SELECT trial_id, key, value_json, number FROM \(table)
        JOIN trials USING (trial_id) WHERE study_id = ? ORDER BY trial_id, 2
        """, [id]
      ) { row in
        let place = "trial \(row.integer(3)): \(table) '\(row.text(1))'"
        return (row.integer(0), JSONValue.Member(row.text(1), try database.json(row, 2, place)))
      }
      for (trial, member) in members {
        if isUser {
          trials[trial]?.userAttributes.append(member)
        } else {
          trials[trial]?.systemAttributes.append(member)
        }
      }
    }
  }
}
