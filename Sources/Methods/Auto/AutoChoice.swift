import TrimtabSearchSpaces
import TrimtabStudies

/// Which sampler suits a study as it is now, and why.
///
/// The rules look at the space, the budget, the trials that are pending, and those that have a value. They were chosen on
/// the tuning seeds of the benchmark problems; docs/methods/auto.md has the figures.
struct AutoChoice: Sendable, Equatable {
  enum Name: String, Sendable, CaseIterable {
    case bohb
    case gp
    case hebo
    case mobster
    case rgpe
    case smac
    case tpe
  }

  var name: Name
  var reason: String

  /// What counts of a study.
  struct Situation: Sendable, Equatable {
    /// Coordinates with an order, and without.
    var numbers: Int
    var choices: Int
    /// Trials with a value, and pending ones.
    var values: Int
    var pending: Int
    /// What a scheduler makes of the resource.
    var resource = Resource.full
    /// Whether there are outcome constraints.
    var isBounded = false
    /// The number of the trial that is to be proposed.
    var trial = 0
    /// Earlier studies from which this one learns.
    var earlier = 0
    /// Whether the trial is to get the whole resource at once where others get shares of it: all else is of trials that got it
    /// all, or are to, then, and the resource `full`.
    var isDirect = false
    /// How well a Gaussian process over configurations and levels orders trials (``LevelModel/concordance(_:)``); nil where that
    /// is not known or not asked.
    var concordance: Double?

    /// Whether the choice rests on ``concordance``.
    var asksForConcordance: Bool {
      AutoChoice.mayTakeLevels(trials: trial, resource: resource, isBounded: isBounded)
        && trial % AutoChoice.densityTurn != 0
    }
  }

  /// How much of the resource trials get.
  enum Resource: Sendable, Equatable {
    /// All of them all of it.
    case full
    /// All of it, but for those that fall far behind.
    case trimmed
    /// Those that are among the best at each level more, the others no more: most are stopped at the first.
    case stopped
    /// Different shares, with values that mean something else at each.
    case partial
    /// Different numbers of replicates, which estimate one value better or worse.
    case replicates
  }

  /// Above so many trials with a value an exact Gaussian process forgets most of them.
  static let processLimit = 1000
  /// Up to so many trials with a value earlier studies say something that these do not say themselves.
  static let transferLimit = 50
  /// With so many trials with a value `hebo` proposes every other trial; beyond, its search costs too much.
  static let compromiseRange = 20...200
  /// And up to so many coordinates: it asks its model ten thousand times, which costs seconds at some hundreds of them.
  static let compromiseCoordinates = 50
  /// From this share of pairs on that a Gaussian process over configurations and levels orders as they came out it proposes
  /// trials; every so many trials densities do nevertheless, a third of whose proposals keep saying how good it is.
  static let concordanceLimit = 0.75
  static let densityTurn = 4
  /// Above so many trials a process over levels costs too much.
  static let levelLimit = 500
  /// Above so many pending trials their outcomes are not told apart by draws from a model.
  static let pendingLimit = 32

  /// From so many trials with the whole resource on they alone say where the next one that gets it at once is to be.
  static let directRange = ASHA.directMinimum...processLimit

  /// Whether a Gaussian process may be chosen beside so many trials with a value, by itself or for those that get the whole
  /// resource at once.
  static func mayTakeProcess(values: Int, resource: Resource) -> Bool {
    switch resource {
    case .full, .trimmed: values <= processLimit
    case .partial: true
    case .stopped, .replicates: false
    }
  }

  /// Whether a Gaussian process over levels may be chosen beside so many trials.
  static func mayTakeLevels(trials: Int, resource: Resource, isBounded: Bool) -> Bool {
    resource == .partial && !isBounded && trials <= levelLimit
  }

  init(name: Name, reason: String) {
    self.name = name
    self.reason = reason
  }

  /// What explanations say of it.
  var fact: Fact { Fact("chosen by auto", "\(name.rawValue): \(reason)") }

  init(_ situation: Situation) {
    let known =
      situation.isDirect
      ? "\(situation.values) trials have got all of the resource, as this one is to at once"
      : "\(situation.values) trials have a value"
    if let concordance = situation.concordance, concordance >= Self.concordanceLimit {
      self.init(
        name: .mobster,
        reason:
          "a Gaussian process over configurations and levels of the resource foretells the better of two trials in "
          + "\(Int((100 * concordance).rounded())) % of the pairs")
    } else if situation.resource == .partial, !situation.isBounded {
      self.init(
        name: .bohb,
        reason:
          "trials get different shares of the resource: densities at the greatest share that enough trials have reached are "
          + "not misled by values of short runs")
    } else if situation.resource == .stopped {
      self.init(
        name: .smac,
        reason: "trials are stopped at levels of the resource and never go on: a forest learns from all of them at once"
      )
    } else if situation.pending > Self.pendingLimit {
      self.init(
        name: .tpe,
        reason: "\(situation.pending) trials are pending: densities keep that many apart, and cost little")
    } else if situation.values > Self.processLimit {
      self.init(
        name: .smac,
        reason: "\(situation.values) trials have a value: a forest takes all of them in milliseconds")
    } else if situation.resource == .partial {
      self.init(
        name: .smac,
        reason: "trials get different shares of the resource and have to keep within bounds, which a forest is told")
    } else if situation.resource == .replicates {
      self.init(
        name: .smac,
        reason: "trials get different numbers of replicates: a forest takes their means, however noisy")
    } else if situation.resource == .full, situation.earlier > 0, situation.values <= Self.transferLimit {
      self.init(
        name: .rgpe,
        reason:
          "\(situation.values) trials have a value, and there is something to learn from \(situation.earlier) earlier "
          + (situation.earlier == 1 ? "study" : "studies"))
    } else if Self.compromiseRange.contains(situation.values),
      situation.numbers + situation.choices <= Self.compromiseCoordinates, situation.trial % 2 == 1
    {
      self.init(
        name: .hebo,
        reason:
          "\(known): every other trial is a compromise of several acquisition functions, so that the study does not hang on "
          + "one")
    } else {
      self.init(
        name: .gp, reason: "\(known): a Gaussian process learns most from so few")
    }
  }
}

extension AutoChoice.Situation {
  /// - Parameters:
  ///   - target: how far the trial is to run; nil without a resource, or where that is not known.
  ///   - values: trials with a value.
  ///   - whole: those with the whole resource.
  ///   - earlier: earlier studies from which this one learns.
  init(_ state: StudyState, trial: TrialNumber, target: Double?, values: Int, whole: Int, earlier: Int) {
    var numbers = 0
    var choices = 0
    for coordinate in state.spec.space.coordinates {
      if case .choices = coordinate.kind { choices += 1 } else { numbers += 1 }
    }
    self.init(
      numbers: numbers, choices: choices, values: values, pending: state.running.count + state.queue.count,
      resource: Self.resource(state.spec), isBounded: !state.spec.outcomeConstraints.isEmpty, trial: trial,
      earlier: earlier)
    guard resource == .partial, let target, let fidelity = state.spec.fidelity,
      Fidelity.reaches(target, fidelity.maximum),
      AutoChoice.directRange.contains(whole)
    else { return }
    let pending = (state.running + state.queue).count { state.trials[$0].isForWholeResource(state.spec) }
    guard pending <= AutoChoice.pendingLimit else { return }
    isDirect = true
    resource = .full
    self.values = whole
    self.pending = pending
    self.earlier = 0
  }

  static func resource(_ spec: StudySpec) -> AutoChoice.Resource {
    guard let fidelity = spec.fidelity, spec.method.scheduler.name != FullFidelity.entry.name else { return .full }
    if fidelity.countsReplicates { return .replicates }
    let scheduler = spec.method.scheduler
    switch scheduler.name {
    case MedianStopping.entry.name, CurveExtrapolationStopping.entry.name: return .trimmed
    case ASHA.entry.name where ASHA.entry.word("variant", in: scheduler) == ASHA.Variant.stopping.rawValue:
      return .stopped
    default: return .partial
    }
  }
}
