import TrimtabNumerics
import TrimtabStudies

/// How many races there are, how many configurations are in each, and what it may cost.
///
/// Source: López-Ibáñez, Dubois-Lacoste, Pérez Cáceres, Birattari & Stützle, "The irace package: iterated racing for automatic
/// algorithm configuration", Operations Research Perspectives 3, 2016, section 2.
struct RacePlan: Sendable, Equatable {
  /// The μ of the paper's `startup` + min(μ, race), the evaluations that a configuration is expected to get.
  static let allowance = 5
  /// The evaluations of a study of which nobody says how long it will be.
  static let defaultEvaluations = 1000

  /// Of the parameters that vary.
  let dimension: Int
  let startup: Int
  /// The folds or seeds of a complete trial.
  let maximum: Int
  /// Configurations at which a race is over.
  let survivors: Int
  /// New configurations a race; nil for the paper's share of the evaluations.
  let size: Int?
  /// The evaluations of all races together; nil where neither they nor the trials are limited, and races have a size.
  let evaluations: Int?

  /// The number of races: ⌊2 + log₂ d⌋.
  var races: Int { 2 + (Int.bitWidth - 1 - max(1, dimension).leadingZeroBitCount) }

  /// What is spent at the first test.
  var first: Int { min(startup, maximum) }

  /// - Parameter survivors, size, evaluations: 0 for the default.
  init(
    dimension: Int, startup: Int, maximum: Int, survivors: Int = 0, size: Int = 0, evaluations: Int = 0,
    trials: Int? = nil
  ) {
    self.dimension = max(1, dimension)
    self.startup = startup
    self.maximum = maximum
    self.size = size > 0 ? size : nil
    let races = 2 + (Int.bitWidth - 1 - max(1, dimension).leadingZeroBitCount)
    self.survivors = survivors > 0 ? survivors : races
    if evaluations > 0 {
      self.evaluations = evaluations
    } else if size > 0 {
      self.evaluations = nil
    } else if let trials {
      // As many as the races would need for so many configurations without elites.
      let perEvaluation = (1...races).reduce(0) { $0 + 1 / Double(min(maximum, startup + min(Self.allowance, $1))) }
      self.evaluations = Int((Double(trials) * Double(races) / perEvaluation).rounded(.up))
    } else {
      self.evaluations = Self.defaultEvaluations
    }
  }

  /// What a race may spend. Races that follow the planned ones get an equal share again, for as long as the study's budget lasts.
  /// - Parameters:
  ///   - race: from 1.
  ///   - spent: evaluations in all races before.
  func purse(race: Int, spent: Int) -> Int {
    guard let evaluations else { return .max }
    return race <= races ? max(0, evaluations - spent) / (races - race + 1) : evaluations / races
  }

  /// How many new configurations a race gets; enough that there is somebody to drop.
  /// - Parameters:
  ///   - elites: configurations that come from the race before.
  ///   - seen: the folds or seeds that those have seen.
  func newcomers(race: Int, purse: Int, elites: Int, seen: Int) -> Int {
    let least = max(1, survivors + 1 - elites)
    if let size { return max(least, size) }
    let each = max(min(maximum, startup + min(Self.allowance, race)), min(maximum, seen + 1))
    return max(least, (purse + elites * seen) / max(1, each) - elites)
  }
}
