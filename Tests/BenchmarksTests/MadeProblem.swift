import TrimtabBenchmarks
import TrimtabSearchSpaces
import TrimtabStudies

/// A parabola over x in 0…1 whose value falls to the parabola as the resource grows; a step of resource costs 1 + x.
struct MadeProblem: Problem {
  var name = "made"
  var space: Space
  var objectives = [Objective(metric: "loss")]
  var fidelity: Fidelity?
  var resources: [Double] = []
  var costUnit = "s"
  var reference = Reference(optimum: 0)
  /// Configurations with x above it report NaN from resource 3 on.
  var divergesAbove = 2.0
  /// Configurations with x above it fail at once.
  var crashesAbove = 2.0

  init(steps: Int? = nil) throws {
    space = try Space([Parameter("x", .float(NumericDomain(low: 0, high: 1)))])
    if let steps {
      fidelity = Fidelity(name: "step", maximum: Double(steps))
      resources = (1...steps).map { Double($0) }
    }
  }

  private func x(_ configuration: Configuration) -> Double { configuration.slots[0] }

  func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    let x = x(configuration)
    let steps = resource ?? 1
    if x > crashesAbove { return .failed(.crash, cost: 0.5, message: "it crashed") }
    if x > divergesAbove, steps >= 3 || resource == nil { return .measured([.nan], cost: steps * (1 + x)) }
    let full = fidelity?.maximum ?? 1
    return .measured([(x - 0.3) * (x - 0.3) + 0.1 * (full - steps) / full], cost: steps * (1 + x))
  }

  func score(_ configuration: Configuration) -> [Double] {
    let x = x(configuration)
    return [(x - 0.3) * (x - 0.3)]
  }
}
