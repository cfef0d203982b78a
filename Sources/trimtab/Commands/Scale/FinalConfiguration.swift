import Trimtab

/// What a fit or a sweep comes to: the settings of the run that nobody can afford to sweep, with their intervals.
struct FinalConfiguration {
  struct Setting {
    var name: String
    var value: Double
    var interval: ClosedRange<Double>?
  }

  /// Where it comes from, such as the law.
  var source: String
  /// The run, such as its N and D.
  var run: [(String, Double)]
  var settings: [Setting]
  /// Mean relative errors on what the law did not see.
  var errors: [(String, Double)] = []
  var warnings: [String] = []

  var json: JSONValue {
    .members([
      "format": .string("trimtab-final/1"), "source": .string(source),
      "run": .object(run.map { .init($0.0, .number($0.1)) }),
      "settings": .object(
        settings.map {
          .init($0.name, JSONValue.members(["value": .number($0.value), "interval": $0.interval?.json]))
        }),
      "errors": .object(errors.map { .init($0.0, .number($0.1)) }),
      "warnings": .array(warnings.map { .string($0) }),
    ])
  }

  func write(to path: String) throws { try writeText(json.prettyText + "\n", to: path) }
}
