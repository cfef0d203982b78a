import TrimtabSearchSpaces
import TrimtabStudies

/// What can be put around any problem, by the options that ask for it.
public enum Wrappers {
  /// An option that a problem of any name may have.
  public struct Option: Sendable {
    public var name: String
    public var meaning: String
  }

  /// In the order in which they go around the problem, the innermost first.
  public static let options: [Option] = [
    Option(name: "dummies", meaning: "how many numbers without any effect are added to the parameters, up to 1000"),
    Option(name: "shift", meaning: "true: every number is moved along its axis, cyclically, by an amount of its own"),
    Option(name: "permute", meaning: "true: choices stand in another order, and some booleans are swapped"),
    Option(name: "failing", meaning: "the share of the space where every trial crashes, above 0 and up to 0.9"),
    Option(name: "noise", meaning: "the standard deviation of a normal error of every report, above 0"),
    Option(name: "dropouts", meaning: "the chance that a whole trial crashes for no reason, above 0 and up to 1"),
    Option(name: "variant", meaning: "a whole number from which shift, permute and failing are drawn; 0 when left out"),
  ]

  /// Divides the options of a problem in a suite into those that are for `wrap` and those that are the problem's own.
  public static func split(_ options: [String: Choice]) -> (wrappers: [String: Choice], own: [String: Choice]) {
    let names = Set(Self.options.map(\.name))
    return (options.filter { names.contains($0.key) }, options.filter { !names.contains($0.key) })
  }

  /// The problem with everything around it that the options ask for.
  ///
  /// - Throws: `ProblemOptionError` for an option that is none of `options`, or of an impossible value; `SpaceError` when
  ///   the problem's space cannot be changed or sampled as needed.
  public static func wrap(_ problem: any Problem, options: [String: Choice]) throws -> any Problem {
    let reader = Reader(problem: problem.name, options: options)
    try reader.refuseUnknown()
    let variant = try reader.variant()
    var wrapped = problem
    if let count = try reader.count("dummies", upTo: Dummies.greatestCount) {
      wrapped = try Dummies(wrapped, count: count)
    }
    if try reader.isOn("shift") { wrapped = try Recoding.shifting(wrapped, variant: variant) }
    if try reader.isOn("permute") { wrapped = try Recoding.permuting(wrapped, variant: variant) }
    if let share = try reader.number("failing", upTo: FailingRegions.greatestShare) {
      wrapped = try FailingRegions(wrapped, share: share, variant: variant)
    }
    if let deviation = try reader.number("noise", upTo: .greatestFiniteMagnitude) {
      wrapped = ObservationNoise(wrapped, deviation: deviation)
    }
    if let chance = try reader.number("dropouts", upTo: 1) { wrapped = Dropouts(wrapped, chance: chance) }
    return wrapped
  }

  private struct Reader {
    var problem: String
    var options: [String: Choice]

    func refuseUnknown() throws {
      let names = Wrappers.options.map(\.name)
      guard let unknown = options.keys.sorted().first(where: { !names.contains($0) }) else { return }
      throw ProblemOptionError(
        problem, option: unknown, "there is no such option", hint: suggestion(for: unknown, among: names))
    }

    private func refusal(_ option: String, _ value: Choice, _ hint: String) -> ProblemOptionError {
      ProblemOptionError(problem, option: option, "\(value.description) is not possible", hint: hint)
    }

    func isOn(_ option: String) throws -> Bool {
      guard let value = options[option] else { return false }
      guard case .boolean(let isOn) = value else { throw refusal(option, value, "true or false") }
      return isOn
    }

    /// A number above 0; 0 itself is nil, as if the option were left out.
    func number(_ option: String, upTo limit: Double) throws -> Double? {
      guard let value = options[option] else { return nil }
      guard let number = value.number, number.isFinite, number >= 0, number <= limit else {
        let end =
          limit < .greatestFiniteMagnitude ? "a number from 0 to \(JSONValue.plainText(limit))" : "a number from 0"
        throw refusal(option, value, end)
      }
      return number > 0 ? number : nil
    }

    /// A whole number above 0; 0 itself is nil, as if the option were left out.
    func count(_ option: String, upTo limit: Int) throws -> Int? {
      guard let value = options[option] else { return nil }
      guard case .integer(let number) = value, number >= 0, number <= limit else {
        throw refusal(option, value, "a whole number from 0 to \(limit)")
      }
      return number > 0 ? Int(number) : nil
    }

    func variant() throws -> UInt64 {
      guard let value = options["variant"] else { return 0 }
      guard case .integer(let number) = value, number >= 0 else {
        throw refusal("variant", value, "a whole number from 0")
      }
      guard try isOn("shift") || isOn("permute") || self.number("failing", upTo: FailingRegions.greatestShare) != nil
      else { throw refusal("variant", value, "it has a meaning only with shift, permute or failing: leave it out") }
      return UInt64(number)
    }
  }
}
