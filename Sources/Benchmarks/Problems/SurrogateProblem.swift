import Synchronization
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// One instance of a surrogate family as a problem; without noise, so seeds do not matter.
///
/// What a report costs. The network gives the time of training up to a resource, but not always a longer one for a longer
/// training. The cost at a resource is the longest time at it or any lower resource at which training reports, but never more
/// than the time of the full training, which stays what the network says. Of a fidelity that repeats the training (`repl`) the
/// network gives the time of one repetition; its cost is the sum over the repetitions.
public final class SurrogateProblem: Problem {
  /// How many random configurations the reference is taken over when the header has none.
  public static let referenceSampleCount = 10_000

  public let name: String
  public let space: Space
  public let objectives: [Objective]
  public let fidelity: Fidelity?
  public let resources: [Double]
  public let costUnit = "s"
  public let continuesTraining: Bool

  private enum Embedded: Sendable {
    case row([Float])
    case choice(slot: Int, rows: [[Float]], missing: [Float])
  }

  private enum Number: Sendable {
    case slot(Int)
    case resource
    case constant(Double)
  }

  private let network: SurrogateNetwork
  private let embedded: [Embedded]
  private let numbers: [(source: Number, steps: [ScalingStep])]
  /// The outputs of the objectives, and of the time.
  private let outputs: [(index: Int, steps: [ScalingStep])]
  private let time: (index: Int, steps: [ScalingStep])
  /// One resource, the maximum, without fidelity.
  private let stops: [Double]
  private let addsRepetitions: Bool
  private let known: Reference?
  private let computed = Mutex<Reference?>(nil)
  private let curves = CurveCache()

  /// - Throws: `ProblemError` for an unknown instance, or an option that the surrogate cannot follow.
  init(_ surrogate: Surrogate, instance: String, options: ProblemOptions = ProblemOptions()) throws(ProblemError) {
    let name = "\(surrogate.family)/\(instance)"
    self.name = name
    guard surrogate.instances.contains(instance) else {
      throw ProblemError(
        "there is no such instance", at: name, hint: suggestion(for: instance, among: surrogate.instances))
    }
    guard !options.divergenceFilter else {
      throw ProblemError("only tables have a divergence filter", at: name, hint: "leave out the option")
    }
    space = surrogate.space
    network = surrogate.network
    let metrics = surrogate.outputs.map(\.objective.metric)
    var chosen: [Int] = []
    for metric in options.objectives ?? [Self.usualObjective(among: metrics, runtime: surrogate.runtime)] {
      guard let index = metrics.firstIndex(of: metric) else {
        throw ProblemError("there is no objective '\(metric)'", at: name, hint: suggestion(for: metric, among: metrics))
      }
      guard !chosen.contains(index) else { throw ProblemError("'\(metric)' is asked for twice", at: name) }
      chosen.append(index)
    }
    guard let first = chosen.first else { throw ProblemError("the list of objectives is empty", at: name) }
    objectives = chosen.map { surrogate.outputs[$0].objective }
    outputs = chosen.map { ($0, surrogate.outputs[$0].steps) }
    let timeIndex = metrics.firstIndex(of: surrogate.runtime) ?? 0
    time = (timeIndex, surrogate.outputs[timeIndex].steps)

    let axis = try Self.axis(surrogate, options, name)
    let usualStops = axis.map(Self.usualResources) ?? [1]
    if let axis, options.fidelity != "none" {
      stops = try Self.checked(options.resources ?? usualStops, axis, name)
      fidelity = Fidelity(name: axis.name, minimum: stops[0], maximum: axis.high, isInteger: axis.isInteger)
      resources = stops
    } else {
      guard options.resources == nil else {
        throw ProblemError("resources need a fidelity", at: name, hint: "leave out resources, or fidelity: none")
      }
      fidelity = nil
      resources = []
      stops = [axis?.high ?? 1]
    }
    addsRepetitions = fidelity?.name == "repl"
    continuesTraining = fidelity?.name != "trainsize"

    embedded = surrogate.embeddings.map { embedding in
      func row(_ choice: String) -> [Float] {
        embedding.rows[
          embedding.choices.firstIndex(of: choice) ?? embedding.choices.firstIndex(of: Surrogate.missing) ?? 0]
      }
      guard let index = surrogate.space.index(of: embedding.name) else { return .row(row(instance)) }
      let choices = surrogate.space.parameters[index].domain.choices ?? []
      return .choice(
        slot: surrogate.space.slotRanges[index].lowerBound, rows: choices.map { row($0.description) },
        missing: row(Surrogate.missing))
    }
    numbers = surrogate.continuous.map { input in
      let source: Number
      if let index = surrogate.space.index(of: input.name) {
        source = .slot(surrogate.space.slotRanges[index].lowerBound)
      } else if input.name == axis?.name {
        source = .resource
      } else {
        source = .constant(surrogate.fidelities.first { $0.name == input.name }?.high ?? 0)
      }
      return (source, input.steps)
    }
    known = surrogate.references[instance]?[metrics[first]]
  }

  /// What YAHPO Gym's single-objective suite optimises; where that is not known, the first output that is no time.
  private static func usualObjective(among metrics: [String], runtime: String) -> String {
    for usual in ["val_accuracy", "acc", "mmce"] where metrics.contains(usual) { return usual }
    return metrics.first { $0 != runtime } ?? runtime
  }

  /// The fidelity that varies; the others stay at their maximum.
  private static func axis(
    _ surrogate: Surrogate, _ options: ProblemOptions, _ name: String
  ) throws(ProblemError) -> Surrogate.Axis? {
    let usual = surrogate.fidelities.first { $0.name == "trainsize" } ?? surrogate.fidelities.first
    guard let wanted = options.fidelity, wanted != "none" else { return usual }
    guard let axis = surrogate.fidelities.first(where: { $0.name == wanted }) else {
      throw ProblemError(
        "there is no fidelity '\(wanted)'", at: name,
        hint: suggestion(for: wanted, among: ["none"] + surrogate.fidelities.map(\.name)))
    }
    return axis
  }

  /// Every whole number of an integer axis; of a real one its maximum, and that divided by 3, 9 … as far as it goes.
  private static func usualResources(_ axis: Surrogate.Axis) -> [Double] {
    if axis.isInteger { return Array(stride(from: axis.low, through: axis.high, by: 1)) }
    var result: [Double] = []
    var divisor = 1.0
    while axis.high / divisor >= axis.low {
      result.append(axis.high / divisor)
      divisor *= 3
    }
    return result.reversed()
  }

  private static func checked(
    _ resources: [Double], _ axis: Surrogate.Axis, _ name: String
  ) throws(ProblemError) -> [Double] {
    let range = "\(JSONValue.plainText(axis.low)) … \(JSONValue.plainText(axis.high))"
    for (i, resource) in resources.enumerated() {
      guard resource >= axis.low, resource <= axis.high, !axis.isInteger || resource == resource.rounded(),
        i == 0 || resources[i - 1] < resource
      else {
        throw ProblemError(
          "\(JSONValue.plainText(resource)) does not follow as a resource", at: name,
          hint: "give increasing values of \(axis.name) within \(range)")
      }
    }
    guard resources.last == axis.high else {
      throw ProblemError(
        "the resources do not end in the maximum", at: name, hint: "end in \(JSONValue.plainText(axis.high))")
    }
    return resources
  }

  // MARK: Evaluation

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    guard configuration.slots.count == space.slotCount else {
      return .failed(.rejected, cost: 0, message: "not a configuration of \(name)")
    }
    let last = stops.count - 1
    guard let at = resource == nil ? last : stops.firstIndex(where: { $0 == resource }) else {
      // The network answers anywhere on a real axis, and methods with levels of their own may ask for it.
      guard let resource, let fidelity, !fidelity.isInteger, resource >= stops[0], resource < stops[last] else {
        return .failed(.rejected, cost: 0, message: "\(name) does not report at \(resource ?? 0)")
      }
      let (values, seconds) = query(configuration, resource)
      return .measured(values, cost: min(seconds, query(configuration, stops[last]).seconds))
    }
    var curve = curves.take(configuration)
    // Whole evaluations need no curve, unless their cost is a sum along it.
    if at == last, !addsRepetitions, curve == nil {
      let (values, seconds) = query(configuration, stops[last])
      return .measured(values, cost: seconds)
    }
    if curve == nil {
      curve = CurveCache.Curve(
        configuration: configuration,
        fullSeconds: addsRepetitions ? .infinity : query(configuration, stops[last]).seconds)
    }
    guard var found = curve else { return .failed(.rejected, cost: 0, message: "no curve") }
    curve = nil
    while found.costs.count <= at {
      let (values, seconds) = query(configuration, stops[found.costs.count])
      let before = found.costs.last ?? 0
      found.costs.append(
        addsRepetitions
          ? before + repetitions(found.costs.count) * seconds : min(max(before, seconds), found.fullSeconds))
      found.values.append(values)
    }
    let outcome = Outcome.measured(found.values[at], cost: found.costs[at])
    curves.put(found)
    return outcome
  }

  /// How many repetitions lie between one stop and the one before it.
  private func repetitions(_ stop: Int) -> Double { stops[stop] - (stop > 0 ? stops[stop - 1] : 0) }

  public func score(_ configuration: Configuration) -> [Double] {
    guard configuration.slots.count == space.slotCount else { return objectives.map { _ in .nan } }
    return query(configuration, stops[stops.count - 1]).values
  }

  public var reference: Reference {
    if let known { return known }
    return computed.withLock { computed in
      if let computed { return computed }
      let scores = (0..<Self.referenceSampleCount).compactMap { index in
        (try? space.sample(seed: Self.referenceSeed, index: UInt64(index))).map { score($0)[0] }
      }
      let reference = Reference(scores: scores, goal: objectives[0].goal)
      computed = reference
      return reference
    }
  }

  private static let referenceSeed = stableHash("surrogate reference")

  /// The objectives at a resource, and the seconds that the network gives for it.
  private func query(_ configuration: Configuration, _ resource: Double) -> (values: [Double], seconds: Double) {
    network.evaluate { x in
      var at = 0
      for input in embedded {
        let row: [Float]
        switch input {
        case .row(let values): row = values
        case .choice(let slot, let rows, let missing):
          let value = configuration.slots[slot]
          row = value >= 0 && value < Double(rows.count) ? rows[Int(value)] : missing
        }
        for value in row {
          x[at] = value
          at += 1
        }
      }
      for input in numbers {
        var value: Double
        switch input.source {
        case .slot(let slot): value = configuration.slots[slot]
        case .resource: value = resource
        case .constant(let constant): value = constant
        }
        // An inactive parameter counts as 0.
        if value.isNaN { value = 0 }
        for step in input.steps { value = step.apply(value) }
        x[at] = Float(value)
        at += 1
      }
    } use: { result in
      func scaled(_ output: (index: Int, steps: [ScalingStep])) -> Double {
        output.steps.reduce(result[output.index]) { $1.apply($0) }
      }
      return (outputs.map(scaled), max(0, scaled(time)))
    }
  }
}

/// The curves of the configurations that were asked for last, so that a trial's reports need not compute its earlier ones again.
final class CurveCache: Sendable {
  struct Curve {
    var configuration: Configuration
    var fullSeconds: Double
    var values: [[Double]] = []
    var costs: [Double] = []
  }

  private static let places = 256
  private let curves = Mutex([Curve?](repeating: nil, count: CurveCache.places))

  /// Takes out the curve of a configuration.
  func take(_ configuration: Configuration) -> Curve? {
    let place = Int(configuration.key % UInt64(Self.places))
    return curves.withLock { curves in
      guard curves[place]?.configuration == configuration else { return nil }
      let curve = curves[place]
      curves[place] = nil
      return curve
    }
  }

  /// Puts a curve back, in place of another one if need be.
  func put(_ curve: Curve) {
    let place = Int(curve.configuration.key % UInt64(Self.places))
    curves.withLock { $0[place] = curve }
  }
}
