import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Counting ones: k boolean parameters that count when true, and k real ones, each the chance of a coin of which the
/// resource says how often it is thrown. The value is minus the trues and the coins' means; the optimum is −2k.
///
/// Source: Falkner, Klein & Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018, section
/// 5.1; the resources, 576/2k to 93312/2k throws rounded down, are those of Awad, Mallik & Hutter, "DEHB", IJCAI 2021.
///
/// A run costs its throws of one coin. The throws of a further resource begin with those of the nearer ones, as a run that
/// goes on would have it. Reports come at minimum · 3^i and maximum / 3^i: what halving by three asks for, counted from
/// either end.
public struct CountingOnes: Problem {
  public let name: String
  public let k: Int
  public let space: Space
  public let fidelity: Fidelity?
  public let resources: [Double]

  public let objectives = [Objective(metric: "value")]
  public let costUnit = "throws"

  /// The number of parameters of each kind.
  public static let sizes = 1...288

  /// - Parameter k: within `sizes`: with more there would be no throw at the least resource.
  /// - Throws: `SpaceError` for another k.
  public init(k: Int = 4) throws(SpaceError) {
    guard Self.sizes.contains(k) else {
      throw SpaceError(
        "there are no \(k) parameters of each kind", hint: "use \(Self.sizes.lowerBound) to \(Self.sizes.upperBound)")
    }
    self.k = k
    name = k == 4 ? "counting-ones" : "counting-ones-\(k)"
    var parameters: [Parameter] = (1...k).map { .boolean("b\($0)") }
    for i in 1...k { parameters.append(try .float("p\(i)", 0...1)) }
    space = try Space(parameters)
    let minimum = Double(576 / (2 * k))
    let maximum = Double(93312 / (2 * k))
    fidelity = Fidelity(name: "throws", minimum: minimum, maximum: maximum)
    var levels: Set<Double> = [maximum]
    var (up, down) = (minimum, maximum)
    while up < maximum {
      levels.insert(up)
      up *= 3
    }
    while down >= minimum {
      levels.insert(down.rounded())
      down /= 3
    }
    resources = levels.sorted()
  }

  public var reference: Reference {
    Reference(optimum: -2 * Double(k), median: UniformMedian.of(self, key: name))
  }

  public var optima: [Configuration] { [Configuration(slots: Array(repeating: 1, count: 2 * k))] }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    let throwCount = resource ?? fidelity?.maximum ?? 1
    let ownSeed = mix(seed, configuration.key)
    var value = 0.0
    for i in 0..<k {
      value -= configuration.slots[i]
      var stream = RandomStream(seed: ownSeed, purpose: stableHash("counting ones"), index: UInt64(i))
      let chance = configuration.slots[k + i]
      var heads = 0
      for _ in 0..<Int(throwCount) where stream.uniform() < chance { heads += 1 }
      value -= Double(heads) / throwCount
    }
    return .measured([value], cost: throwCount)
  }

  public func score(_ configuration: Configuration) -> [Double] { [-configuration.slots.reduce(0, +)] }
}
