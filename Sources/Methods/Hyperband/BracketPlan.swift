import TrimtabStudies

/// The levels and sizes of Hyperband's brackets.
///
/// Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter
/// optimization", JMLR 18(185), 2018, Algorithm 1: bracket s begins with n = ⌈(s_max + 1) eta^s / (s + 1)⌉ trials at the
/// resource R eta^(−s), and ⌊n eta^(−i)⌋ of them reach its i-th rung.
struct BracketPlan: Sendable, Equatable {
  /// How sizes that are no whole numbers are rounded. Published results differ in this.
  enum Rounding: String, CaseIterable, Sendable {
    /// As above.
    case paper
    /// n = ⌊(s_max + 1) / (s + 1)⌋ eta^s, as in HpBandSter and DEHB.
    case floor
    /// ⌈n eta^(−i)⌉ in every rung, at the levels r_min eta^k and R, as in Syne Tune.
    case ceiling
  }

  /// The resources of all rungs, in increasing order; the last is the maximum.
  let levels: [Double]
  let eta: Double
  let rounding: Rounding
  /// The number of trials with which the only bracket of a sweep begins; nil for Hyperband's own brackets.
  let first: Int?

  init(_ fidelity: Fidelity, eta: Double, rounding: Rounding, first: Int? = nil) {
    self.eta = eta
    self.rounding = rounding
    self.first = first
    levels = rounding == .ceiling ? ASHA.levels(fidelity, eta: eta) : Self.levels(fidelity, eta: eta)
  }

  /// maximum · eta^(−k) down to the minimum, rounded and each once for an integer resource.
  static func levels(_ fidelity: Fidelity, eta: Double) -> [Double] {
    // By multiplication: a quotient of logarithms loses the lowest level of 3^5.
    var halvings = 0
    var product = fidelity.minimum * eta
    while product <= fidelity.maximum * (1 + 1e-9) {
      halvings += 1
      product *= eta
    }
    var levels: [Double] = []
    for halving in (0...halvings).reversed() {
      var level = fidelity.maximum
      for _ in 0..<halving { level /= eta }
      if fidelity.isInteger { level = max(level.rounded(), fidelity.minimum) }
      if level > levels.last ?? 0 { levels.append(level) }
    }
    return levels
  }

  /// The number of brackets in a sweep.
  var brackets: Int { first == nil ? levels.count : 1 }

  /// The sizes of the rungs of a bracket, the lowest first; bracket 0 of a sweep begins at the lowest level.
  func sizes(_ bracket: Int) -> [Int] {
    let most = levels.count - 1
    let s = max(0, most - bracket)
    let power = (0..<s).reduce(1.0) { power, _ in power * eta }
    let count: Double =
      switch (first, rounding) {
      case (let first?, _): Double(first)
      case (nil, .floor): Double((most + 1) / (s + 1)) * power
      case (nil, .paper), (nil, .ceiling): (Double(most + 1) * power / Double(s + 1) - 1e-9).rounded(.up)
      }
    var sizes: [Int] = []
    var share = count
    for _ in 0...s {
      let size = rounding == .ceiling ? (share - 1e-9).rounded(.up) : (share + 1e-9).rounded(.down)
      sizes.append(max(1, Int(min(size, 1e9))))
      share /= eta
    }
    return sizes
  }

  /// The resource of a rung of a bracket.
  func level(_ bracket: Int, _ rung: Int) -> Double { levels[min(bracket + rung, levels.count - 1)] }
}
