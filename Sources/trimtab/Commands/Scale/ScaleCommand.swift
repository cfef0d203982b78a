import ArgumentParser
import Trimtab
import TrimtabInterchange
import TrimtabScaling

struct ScaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "Find hyperparameters for a run that nobody can afford to sweep.",
    discussion: """
      Laws that were fitted to many runs, multipliers that carry a small model's tuning to a large one, and fits of laws \
      to runs of one's own (docs/scaling.md):

        trimtab scale predict --parameters 1B --tokens 100B --optimizer adamw
        trimtab scale multipliers --parameterisation complete-p --optimizer adamw \\
          --base-width 256 --width 2048 --base-layers 2 --layers 8
        trimtab scale fit sweep.csv --law settings --predict N=1e9,D=1e11
      """,
    subcommands: [
      ScalePredictCommand.self, ScaleMultipliersCommand.self, ScaleFitCommand.self, ScaleScheduleCommand.self,
      ScaleCheckCommand.self, ScalePlanCommand.self,
    ])
}

/// A number that may end in k, M, B (or G) or T.
struct Magnitude: ExpressibleByArgument {
  var value: Double

  init(_ value: Double) { self.value = value }

  var defaultValueDescription: String { JSONValue.plainText(value) }

  init?(argument: String) {
    let factors: [Character: Double] = ["k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12]
    var text = argument
    var factor = 1.0
    if let last = text.last, let found = factors[last] {
      factor = found
      text.removeLast()
    }
    guard let number = Double(text), number.isFinite else { return nil }
    value = number * factor
  }
}

extension ClosedRange<Double> {
  var json: JSONValue { .array([.number(lowerBound), .number(upperBound)]) }

  var text: String { "\(Shown.number(lowerBound))…\(Shown.number(upperBound))" }
}

/// A table of numbers: a CSV file, or the trials of a study.
struct DataTable {
  var path: String
  var columns: [String]
  var rows: [[String]]
  /// Where each row stands, such as `sweep.csv:3`.
  var places: [String]

  /// - Parameters:
  ///   - path: a `.csv` or `.tsv` file, or a study file or store, whose finished trials are read.
  ///   - sizes: columns that are sizes of models. Where a study's fidelity is called so, each resource that a trial has
  ///     reported is a row.
  init(_ path: String, sizes: [String] = []) throws {
    self.path = path
    guard StudyLocation.isStudyFile(path) || path.hasSuffix(".trimtab") else {
      let file = try CSVFile(path: path, separator: path.hasSuffix(".tsv") ? "\t" : ",")
      columns = file.header
      rows = file.rows.map(\.fields)
      places = file.rows.map { "\(path):\($0.line)" }
      return
    }
    let export = try StudyExport(StudyLocation(path).openLog())
    let size = export.resourceName.flatMap { sizes.contains($0) ? $0 : nil }
    let found = size.map { export.sizeRows($0) } ?? export.trialRows
    columns = found.titles
    rows = []
    places = []
    let state = found.titles.firstIndex(of: "state")
    let number = found.titles.firstIndex(of: "trial")
    try found.each { fields in
      if let state, fields[state].text != "completed" { return }
      rows.append(fields.map(\.text))
      places.append("\(path): trial \(number.map { fields[$0].text } ?? "")")
    }
  }

  /// The number of the column, which a study may hold as a parameter or metric.
  func index(_ name: String) -> Int? {
    columns.firstIndex(of: name) ?? columns.firstIndex(of: "param.\(name)") ?? columns.firstIndex(of: "metric.\(name)")
  }

  private func requiredIndex(_ name: String, option: String) throws -> Int {
    if let index = index(name) { return index }
    throw CommandError(
      .badInput,
      "\(path): there is no column '\(name)' (there are \(columns.joined(separator: ", "))); say which with \(option)")
  }

  /// The numbers of a column. An empty cell, `nan` and `inf` are not finite.
  /// - Throws: `CommandError` for a column or number that is not there.
  func numbers(_ name: String, option: String) throws -> [Double] {
    let index = try requiredIndex(name, option: option)
    return try zip(rows, places).map { row, place in
      if row[index].isEmpty { return .nan }
      guard let number = Double(row[index]) else {
        throw CommandError(.badInput, "\(place): '\(row[index])' in the column '\(name)' is no number")
      }
      return number
    }
  }

  func texts(_ name: String, option: String) throws -> [String] {
    let index = try requiredIndex(name, option: option)
    return rows.map { $0[index] }
  }
}

/// `NAME=VALUE` texts.
func assignments(_ texts: [String], option: String) throws -> [(name: String, value: String)] {
  try texts.map { text in
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
      throw CommandError(.badInput, "\(option) \(text): must be NAME=VALUE")
    }
    return (String(text[..<sign]), String(text[text.index(after: sign)...]))
  }
}

/// `N=1e9,D=1e11`: a number above 0 for each of the names, and what else is said.
func point(_ text: String, of names: [String], option: String) throws -> (numbers: [Double], all: [String: Double]) {
  let all = try point(text, option: option)
  let numbers = try names.map { name in
    guard let value = all[name], value > 0 else {
      throw CommandError(.badInput, "\(option) \(text): give \(names.joined(separator: " and ")), each above 0")
    }
    return value
  }
  return (numbers, all)
}

private func point(_ text: String, option: String) throws -> [String: Double] {
  var result: [String: Double] = [:]
  for (name, value) in try assignments(text.split(separator: ",").map(String.init), option: option) {
    guard let number = Magnitude(argument: value)?.value else {
      throw CommandError(.badInput, "\(option) \(text): '\(value)' is no number")
    }
    result[name] = number
  }
  return result
}
