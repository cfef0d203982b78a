import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The Hartmann functions of 3 and 6 parameters with a resource z = 1…100: at less than the full resource they are
/// flatter, so that their best place shifts, and noisy.
///
/// With s = ln z / ln 100 the value is −Σ (α_i − bias (1 − s)) exp(−Σ A_ij (x_j − P_ij)²) + |N(0, 1)| noise (1 − s). Source
/// of the multi-fidelity form: Mallik, Bergman, Hvarfner, Stoll, Janowski, Lindauer, Nardi & Hutter, "PriorBand: practical
/// hyperparameter optimization in the age of deep learning", NeurIPS 2023, after Kandasamy, Dasarathy, Schneider & Póczos,
/// "Multi-fidelity Bayesian optimisation with continuous approximations", ICML 2017. Of the functions: Hartman, "Some
/// experiments in global optimization", Naval Research Logistics Quarterly 20(3), 1973.
///
/// A run up to z costs 0.05 + 0.95 (z/100)² of a full evaluation.
public struct Hartmann: Problem {
  /// How far low resources mislead, from least to most.
  public enum Preset: String, Sendable, CaseIterable {
    case standard = ""
    case good
    case moderate
    case bad
    case terrible

    /// What the bias takes from each α at z = 1.
    var bias: Double {
      switch self {
      case .standard: 0.5
      case .good: 2.5
      case .moderate: 3
      case .bad: 3.5
      case .terrible: 4
      }
    }

    /// The scale of the noise at z = 1.
    var noise: Double {
      switch self {
      case .standard: 0.1
      case .good: 2
      case .moderate: 3
      case .bad: 4
      case .terrible: 5
      }
    }
  }

  public let name: String
  public let space: Space
  public let preset: Preset
  private let table: Table

  public let objectives = [Objective(metric: "value")]
  public let fidelity: Fidelity? = Fidelity(name: "z", maximum: 100)
  public let resources: [Double] = (1...100).map(Double.init)
  public let costUnit = "evaluations"

  /// - Parameter dimension: 3 or 6.
  /// - Throws: `SpaceError` for another dimension.
  public init(dimension: Int, preset: Preset = .standard) throws(SpaceError) {
    guard let table = dimension == 3 ? Table.three : dimension == 6 ? Table.six : nil else {
      throw SpaceError("there is no Hartmann function of \(dimension) parameters", hint: "use 3 or 6")
    }
    self.table = table
    self.preset = preset
    name = "mfh\(dimension)" + (preset == .standard ? "" : "-\(preset.rawValue)")
    space = try Space(unitParameters(dimension))
  }

  public var reference: Reference {
    Reference(optimum: table.optimum, median: UniformMedian.of(self, key: "mfh\(table.best.count)"))
  }

  public var optima: [Configuration] { [Configuration(slots: table.best)] }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    let z = resource ?? 100
    let missing = 1 - log(z) / log(100)
    var value = self.value(configuration, bias: preset.bias * missing)
    if missing > 0 {
      var stream = RandomStream(
        seed: mix(seed, configuration.key), purpose: stableHash("hartmann"), index: z.bitPattern)
      value += abs(stream.normal()) * preset.noise * missing
    }
    return .measured([value], cost: 0.05 + 0.95 * (z / 100) * (z / 100))
  }

  public func score(_ configuration: Configuration) -> [Double] { [value(configuration, bias: 0)] }

  private func value(_ configuration: Configuration, bias: Double) -> Double {
    var sum = 0.0
    for i in 0..<4 {
      var exponent = 0.0
      for j in table.best.indices {
        let difference = configuration.slots[j] - table.centres[i][j]
        exponent -= table.widths[i][j] * difference * difference
      }
      sum -= (Self.weights[i] - bias) * exp(exponent)
    }
    return sum
  }

  private static let weights = [1, 1.2, 3, 3.2]

  private struct Table: Sendable {
    var widths: [[Double]]
    var centres: [[Double]]
    /// Where it is least, found with Newton's method from the published point, and the value there.
    var best: [Double]
    var optimum: Double

    static let three = Table(
      widths: [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]],
      centres: [
        [0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547], [0.0381, 0.5743, 0.8828],
      ],
      best: [0.11458887665506896, 0.5556488946169301, 0.8525469846866774], optimum: -3.862779787332663)

    static let six = Table(
      widths: [
        [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
      ],
      centres: [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
      ],
      best: [
        0.20168951100670543, 0.15001069182345797, 0.47687397422189703, 0.2753324304940561, 0.31165161660011326,
        0.6573005340656204,
      ],
      optimum: -3.322368011415515)
  }
}

/// x1…xd, each from 0 to 1.
func unitParameters(_ dimension: Int) throws(SpaceError) -> [Parameter] {
  var parameters: [Parameter] = []
  for i in 1...dimension { parameters.append(try .float("x\(i)", 0...1)) }
  return parameters
}
