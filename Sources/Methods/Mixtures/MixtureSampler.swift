import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Optimises the weights of a mixture, such as shares of training data, from small models for a large one.
///
/// Source of the setting: Chen et al., "ADMIRE-BayesOpt: accelerated data mixture re-weighting for language models with
/// Bayesian optimization", 2025, arXiv 2508.11551, where mixtures are chosen by Bayesian optimisation over model sizes. Weights
/// are seen by their square roots, whose distances are Hellinger's. The first trials are the even mixture, the default if
/// there is one, mixtures that lean to each part, and then even draws, all of the smallest size. After that the mixture of
/// the greatest expected improvement at the largest size is proposed, and run at the smallest size that the model holds
/// to be correlated with the largest, unless a mixture as near was run there.
///
/// Deviations: the paper's kernel and acquisition function are not published in detail; here size is one more coordinate of
/// the kernel, so that its length scale says how much is learned from one size about another.
public struct MixtureSampler: ProcessSampler, ExplainedSampler {
  static let purpose = stableHash("mixture")
  /// The share of the part to which a mixture of the design leans, besides its even share of the rest.
  static let lean = 0.7
  /// Hellinger's distance below which two mixtures are the same experiment.
  static let near = 0.05
  /// Of a size with more levels so many are looked at.
  static let levels = 8

  private let candidates: Int
  private let starts: Int
  private let size: String
  private let correlation: Double
  var process: GaussianProcessSampler

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    candidates = Self.entry.integer("candidates", in: part)
    starts = Self.entry.integer("starts", in: part)
    size = Self.entry.word("size", in: part)
    correlation = Self.entry.real("correlation", in: part)
    process = GaussianProcessSampler(
      PartSpec("gp", options: ["startup": .integer(Self.entry.integer("startup", in: part))]))
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    guard let model = process.models(observations, state)?.first,
      let function = function(model, observations, state)
    else { return .none }
    let number = sizeNumber(observations.features)
    let pending = observations.pending(state)
    var found = search(
      function, observations, fresh, around: observations.best(GaussianProcessSampler.incumbents, state),
      .init(candidates: candidates, starts: starts))
    if let number {
      found = found.map { sized($0, number, model, observations, pending, state) }
    }
    return .best(found, isWeakened: process.isWeakened)
  }

  /// The expected improvement at the largest size, pending trials believed; nil when the model is of no use.
  private func function(
    _ model: GaussianProcess, _ observations: Observations, _ state: StudyState
  ) -> (any Acquisition)? {
    let top = largest(state.spec.space)
    let number = sizeNumber(observations.features)
    // What is to be improved on is what the model expects of the mixtures tried or pending, at the largest size.
    let believing = model.believing(observations.pending(state)).process
    let full = number.map { believing.points.replacing($0, by: top) } ?? believing.points
    guard let threshold = model.predict(full).means.max(), threshold.isFinite else { return nil }
    let function = ModelAcquisition(believing, .logExpectedImprovement, threshold: threshold)
    guard let number else { return function }
    return FixedNumberAcquisition(function, number: number, value: top)
  }

  var title: String { "Gaussian process of mixtures, expected improvement" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    let state = fresh.state
    guard let model = process.models(observations, state)?.first,
      let function = function(model, observations, state)
    else { return nil }
    let top = largest(state.spec.space)
    let number = sizeNumber(observations.features)
    let prediction = model.predict(number.map { point.replacing($0, by: top) } ?? point)
    let deviation = (prediction.variances[0] + model.parameters.noise).squareRoot()
    let scale = LossScale(observations.rows.map(\.loss), process.transform)
    var facts = [Fact("trials in the model", "\(process.rowsOfModel.count)")]
    facts += scale.facts(
      mean: prediction.means[0], deviation: deviation, state.spec.objectives[0],
      at: number == nil ? "" : " at the largest \(size)")
    if let number {
      let own = point.numbers(of: 0)[number]
      facts.append(
        Fact(
          "correlation of its \(size) with the largest",
          model.parameters.correlation(number: number, from: own, to: top)))
    }
    return facts + [Fact("acquisition value", function.values(point)[0])]
  }

  // MARK: Design

  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    let space = fresh.state.spec.space
    let sequence = try? SobolSequence(dimension: max(1, space.coordinates.count), seed: fresh.seed)
    return try fresh.sample(origin: .design) { attempt throws(SpaceError) in
      if attempt == 0 {
        let unit = sequence?.point(at: UInt64(fresh.trial)) ?? [Double](repeating: 0.5, count: space.coordinates.count)
        var slots = [Double](repeating: 0, count: space.slotCount)
        space.decode(unit, into: &slots)
        for index in space.parameters.indices { lean(index, fresh.trial, space, &slots) }
        setSmallest(space, &slots)
        space.deactivate(&slots)
        let configuration = Configuration(slots: slots)
        if space.contains(configuration) { return (configuration, Annotation(origin: .design)) }
      }
      let random = try space.sample(seed: mix(fresh.seed, UInt64(attempt + 1)), index: UInt64(fresh.trial))
      var small = random.slots
      setSmallest(space, &small)
      let isPossible = space.contains(Configuration(slots: small))
      return (isPossible ? Configuration(slots: small) : random, Annotation(origin: .design))
    }
  }

  /// The even mixture, the default, and one that leans to each part; later mixtures stay as they are.
  private func lean(_ index: Int, _ trial: TrialNumber, _ space: Space, _ slots: inout [Double]) {
    guard case .simplex(let parts) = space.parameters[index].domain, space.parameters[index].fixedValue == nil else {
      return
    }
    let range = space.slotRanges[index]
    let even = 1 / Double(parts.count)
    var made: [[Double]] = [[Double](repeating: even, count: parts.count)]
    if case .simplex(let usual)? = space.parameters[index].defaultValue { made.append(usual) }
    for part in parts.indices {
      made.append(parts.indices.map { $0 == part ? Self.lean + (1 - Self.lean) * even : (1 - Self.lean) * even })
    }
    guard trial < made.count else { return }
    // The last weight is the rest, so that the sum is 1 to the bit.
    var rest = 1.0
    for (slot, weight) in zip(range.dropLast(), made[trial]) {
      slots[slot] = weight
      rest -= weight
    }
    slots[range.upperBound - 1] = max(0, rest)
  }

  private func setSmallest(_ space: Space, _ slots: inout [Double]) {
    guard let index = space.index(of: size), space.parameters[index].fixedValue == nil else { return }
    slots[space.slotRanges[index].lowerBound] = Self.values(space, index).first ?? 0
  }

  // MARK: Size

  /// The number of the model that is the size; nil without one.
  private func sizeNumber(_ features: SpaceFeatures) -> Int? {
    guard let index = features.space.index(of: size) else { return nil }
    let range = features.space.coordinateRanges[index]
    return features.numberCoordinates.firstIndex { $0.map(range.contains) ?? false }
  }

  /// Raw values of the size, the smallest first.
  private static func values(_ space: Space, _ index: Int) -> [Double] {
    switch space.parameters[index].domain {
    case .ordinal(let choices): return choices.indices.map(Double.init)
    case .float(let domain), .integer(let domain):
      guard let axis = space.axes[index] else { return [] }
      let count = min(levels, domain.levels ?? levels)
      guard count > 1 else { return [domain.low] }
      var values: [Double] = []
      for level in 0..<count {
        let value = axis.decode(Double(level) / Double(count - 1))
        if value > values.last ?? -.infinity { values.append(value) }
      }
      return values
    default: return []
    }
  }

  private func unit(_ space: Space, _ index: Int, _ value: Double) -> Double {
    var slots = [Double](repeating: .nan, count: space.slotCount)
    slots[space.slotRanges[index].lowerBound] = value
    var result = 1.0
    let coordinate = space.coordinateRanges[index].lowerBound
    space.encode(Configuration(slots: slots)) { if $0 == coordinate { result = $1 } }
    return result
  }

  private func largest(_ space: Space) -> Double {
    guard let index = space.index(of: size), let value = Self.values(space, index).last else { return 1 }
    return unit(space, index, value)
  }

  /// The mixture at the smallest size from which enough is learned, and at which nothing as near was run.
  private func sized(
    _ configuration: Configuration, _ number: Int, _ model: GaussianProcess, _ observations: Observations,
    _ pending: FeaturePoints, _ state: StudyState
  ) -> Configuration {
    let space = state.spec.space
    guard let index = space.index(of: size), space.parameters[index].fixedValue == nil else { return configuration }
    let slot = space.slotRanges[index].lowerBound
    let top = largest(space)
    let sizes = Self.values(space, index)
    for value in sizes {
      var slots = configuration.slots
      slots[slot] = value
      let made = Configuration(slots: slots)
      guard space.contains(made) else { continue }
      let own = unit(space, index, value)
      if value == sizes.last { return made }
      guard model.parameters.correlation(number: number, from: own, to: top) > correlation else { continue }
      guard let point = observations.features.point(made) else { continue }
      let isKnown = [observations.points, pending].contains { others in
        (0..<others.count).contains { (point.squaredDistance(0, to: others, $0) / 2).squareRoot() < Self.near }
      }
      if !isKnown { return made }
    }
    return configuration
  }
}

extension MixtureSampler {
  private static func problems(_ spec: StudySpec) -> [MethodProblem] {
    let space = spec.space
    let hasMixture = space.parameters.contains { if case .simplex = $0.domain { true } else { false } }
    var problems: [MethodProblem] = []
    if !hasMixture {
      problems.append(
        MethodProblem(
          ["method", "sampler"], "mixture is for spaces with weights of a mixture, and this has none",
          hint: "add a parameter of type simplex, or use gp"))
    }
    let size = entry.word("size", in: spec.method.sampler)
    guard !size.isEmpty else { return problems }
    let path = ["method", "sampler", "size"]
    guard let index = space.index(of: size) else {
      return problems + [
        MethodProblem(
          path, "there is no parameter '\(size)'", hint: suggestion(for: size, among: space.parameters.map(\.name)))
      ]
    }
    let parameter = space.parameters[index]
    let isOrdered =
      switch parameter.domain {
      case .float, .integer, .ordinal: parameter.condition == nil
      default: false
      }
    if !isOrdered {
      problems.append(
        MethodProblem(
          path, "'\(size)' has no order from small to large in every configuration",
          hint: "a size is a float, integer or ordinal without a condition"))
    }
    return problems
  }

  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "mixture", title: "Mixture weights over model sizes",
    summary: "Optimises weights of a mixture, such as shares of training data, from small models for a large one.",
    paper: .init(
      authors: "X. Chen et al.",
      title:
        "ADMIRE-BayesOpt: accelerated data mixture re-weighting for language models with Bayesian optimization",
      year: 2025, venue: "arXiv 2508.11551"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "size", kind: .name, defaultValue: .text(""),
        meaning: "the parameter that is the size of the model, small ones being cheap; empty for none"),
      MethodOption(
        name: "correlation", kind: .real(0...1), defaultValue: .real(0.8),
        meaning: "how much a size must be correlated with the largest to be run instead of it"),
      SearchOption.candidates(1024),
      SearchOption.starts(8),
    ], inspect: { problems($0) })
}
