import TrimtabSearchSpaces

/// The domain of a parameter of which only values, as texts, are known. It is a guess, and is said to be one.
enum TypeGuess {
  /// How many choices a parameter may have when nearly every value differs.
  private static let manyChoices = 32
  /// From this ratio of the greatest to the least value on, a range is taken as logarithmic.
  private static let logRatio = 1000.0

  /// - Parameter values: with what messages call the place of each; at least one.
  /// - Returns: the domain, and what must be said beyond that it is a guess.
  /// - Throws: `InterchangeError` when no guess is good enough.
  static func domain(
    _ name: String, _ values: [(text: String, place: String)]
  ) throws(InterchangeError) -> (domain: Domain, remark: String?) {
    let choices = values.map { Choice(scalar: $0.text.trimmed, quoted: false) }
    let distinct = Array(Set(choices))
    if distinct.count == 1 { return (.constant(choices[0]), "\(name): it has the value \(choices[0]) throughout") }
    if choices.allSatisfy({ if case .boolean = $0 { true } else { false } }) { return (.boolean, nil) }
    let numbers = values.map { Double($0.text.trimmed) }
    let known = numbers.compactMap { $0 }
    if known.count == numbers.count {
      for (value, number) in zip(values, known) where !number.isFinite {
        throw InterchangeError(at: value.place, "'\(name)' is \(value.text), which is no possible value of a parameter")
      }
      let low = known.min() ?? 0
      let high = known.max() ?? 0
      let isLog = low > 0 && high / low >= logRatio
      let isInteger = choices.allSatisfy { if case .integer = $0 { true } else { false } }
      do {
        let axis = try NumericDomain(low: low, high: high, scale: isLog ? .log : .linear, isInteger: isInteger)
        return (
          isInteger ? .integer(axis) : .float(axis),
          isLog ? "\(name): its values span a factor of 1000 or more, so its scale is taken as logarithmic" : nil
        )
      } catch {
        throw InterchangeError(at: values[0].place, "'\(name)': \(error.message)", hint: error.hint)
      }
    }
    var found: [Choice] = []
    for choice in values.map({ Choice.text($0.text) }) where !found.contains(choice) { found.append(choice) }
    guard found.count <= manyChoices || found.count * 2 <= values.count else {
      throw InterchangeError(
        at: values[0].place,
        "'\(name)' has \(found.count) different texts in \(values.count) trials, which looks like no parameter",
        hint: "leave it out with --ignore, or say what it is with --param")
    }
    return (.categorical(found), nil)
  }
}

extension String {
  /// Without spaces at the ends.
  var trimmed: String {
    let rest = drop { $0 == " " || $0 == "\t" }
    return String(rest.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
