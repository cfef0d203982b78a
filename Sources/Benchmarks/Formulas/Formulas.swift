import TrimtabSearchSpaces
import TrimtabStudies

/// The problems that are formulas, by name.
public enum Formulas {
  /// A family of formulas that differ in a whole number.
  private struct Family: Sendable {
    var name: String
    /// The option that is the number; it may also follow the name: `ackley-5`.
    var option: String
    var sizes: ClosedRange<Int>
    var usual: Int
  }

  private static let families: [Family] =
    [
      Family(name: "counting-ones", option: "k", sizes: CountingOnes.sizes, usual: 4),
      Family(name: "ackley", option: "d", sizes: 1...1000, usual: 10),
      Family(name: "rosenbrock", option: "d", sizes: 2...1000, usual: 10),
      Family(name: "levy", option: "d", sizes: 1...1000, usual: 10),
    ]
    + [1, 2, 3, 4, 6].map {
      Family(name: "zdt\($0)", option: "d", sizes: 2...1000, usual: TradeOff.zdtDimension($0))
    }

  private static let single: [String] =
    [3, 6].flatMap { dimension in
      Hartmann.Preset.allCases.map { "mfh\(dimension)" + ($0 == .standard ? "" : "-\($0.rawValue)") }
    } + ["branin", "noisy-branin", "conditional"]

  private static let dtlz = [1, 2, 7].map { "dtlz\($0)" }

  /// Names that `make` knows. Those of families stand for their usual size; a number may follow them.
  public static let names: [String] = single + families.map(\.name) + dtlz

  /// The standard deviation of the noise of `noisy-branin`: about a tenth of that of the values over the box.
  static let noiseOfNoisyBranin = 5.0

  /// The problem of that name; nil when no formula has it.
  ///
  /// - Parameters:
  ///   - name: one of `names`; after the name of a family, a number may follow (`ackley-5`, `counting-ones-50`, `zdt1-6`),
  ///     after `dtlz…` the parameters and the objectives (`dtlz2-12-5`).
  ///   - options: the same numbers by name: `k` for `counting-ones`, `d` for the others, `objectives` for `dtlz…`.
  /// - Throws: `ProblemOptionError` for an option that the problem does not have, or of an impossible value.
  public static func make(_ name: String, options: [String: Choice]? = nil) throws -> (any Problem)? {
    let options = options ?? [:]
    if single.contains(name) {
      try refuse(options, of: name, beyond: [])
      return try makeSingle(name)
    }
    let (stem, numbers) = split(name)
    if let family = families.first(where: { $0.name == stem }), numbers.count <= 1 {
      try refuse(options, of: name, beyond: [family.option])
      let size = try number(family.option, family.sizes, in: options, of: name, suffix: numbers.first)
      return try make(family, size ?? family.usual)
    }
    if dtlz.contains(stem), numbers.count <= 2, let kind = stem.last?.wholeNumberValue {
      try refuse(options, of: name, beyond: ["d", "objectives"])
      let suffix = numbers.count == 2 ? numbers[1] : nil
      let m = try number("objectives", 2...20, in: options, of: name, suffix: suffix) ?? 3
      let d = try number("d", m...1000, in: options, of: name, suffix: numbers.first)
      return try TradeOff.dtlz(kind, d ?? TradeOff.dtlzDimension(kind, objectives: m), objectives: m)
    }
    return nil
  }

  private static func makeSingle(_ name: String) throws -> (any Problem)? {
    switch name {
    case "branin": return try Landscape.branin()
    case "noisy-branin": return ObservationNoise(try Landscape.branin(), deviation: noiseOfNoisyBranin, name: name)
    case "conditional": return try Conditional()
    default:
      let preset = Hartmann.Preset(rawValue: String(name.dropFirst(5))) ?? .standard
      return try Hartmann(dimension: name.hasPrefix("mfh3") ? 3 : 6, preset: preset)
    }
  }

  private static func make(_ family: Family, _ size: Int) throws -> any Problem {
    switch family.name {
    case "counting-ones": return try CountingOnes(k: size)
    case "ackley": return try Landscape.ackley(size)
    case "rosenbrock": return try Landscape.rosenbrock(size)
    case "levy": return try Landscape.levy(size)
    default: return try TradeOff.zdt(family.name.last?.wholeNumberValue ?? 1, size)
    }
  }

  /// Takes the numbers from the end of a name: `dtlz2-12-5` is `dtlz2` with 12 and 5.
  private static func split(_ name: String) -> (stem: String, numbers: [Int]) {
    var parts = name.split(separator: "-", omittingEmptySubsequences: false)
    var numbers: [Int] = []
    while parts.count > 1, let last = parts.last, last.allSatisfy(\.isNumber), let number = Int(last) {
      numbers.insert(number, at: 0)
      parts.removeLast()
    }
    return (parts.joined(separator: "-"), numbers)
  }

  private static func refuse(_ options: [String: Choice], of name: String, beyond known: [String]) throws {
    guard let unknown = options.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw ProblemOptionError(
      name, option: unknown, "there is no such option",
      hint: known.isEmpty ? "it has none: leave it out" : suggestion(for: unknown, among: known))
  }

  private static func number(
    _ option: String, _ range: ClosedRange<Int>, in options: [String: Choice], of name: String, suffix: Int?
  ) throws -> Int? {
    if let suffix {
      guard options[option] == nil else {
        throw ProblemOptionError(name, option: option, "it stands in the name already", hint: "leave one of them out")
      }
      guard range.contains(suffix) else {
        throw ProblemOptionError(
          name, option: option, "\(suffix) in the name is not possible",
          hint: "a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return suffix
    }
    guard let value = options[option] else { return nil }
    guard case .integer(let number) = value, range.contains(number) else {
      throw ProblemOptionError(
        name, option: option, "\(value.description) is not possible",
        hint: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
