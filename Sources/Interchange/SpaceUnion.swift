import TrimtabSearchSpaces

/// The space that holds every domain from which a study's trials drew their parameters.
///
/// Ranges become the union of all, and a grid the finest one that holds all, or none. Numbers of one kind never become
/// choices: that would be another parameter.
struct SpaceUnion {
  private struct Entry {
    var name: String
    var domain: Domain
    var first: (domain: Domain, label: String)
    var differs = false
  }

  private var entries: [Entry] = []
  private var indexByName: [String: Int] = [:]

  /// The parameters in the order in which trials first had them.
  var parameters: [Parameter] { entries.map { Parameter($0.name, $0.domain) } }

  /// What differs between trials, a sentence for each parameter.
  var remarks: [String] {
    entries.filter(\.differs).map { entry in
      "\(entry.name): its domain differs between trials (\(Self.text(entry.first.domain)) in \(entry.first.label)); "
        + "the study has \(Self.text(entry.domain)), which holds them all"
    }
  }

  static func text(_ domain: Domain) -> String { Parameter("x", domain).json.text }

  /// - Throws: `SpaceError` naming the parameter, when two domains cannot be one parameter's.
  mutating func add(_ name: String, _ domain: Domain, label: String) throws(SpaceError) {
    guard let index = indexByName[name] else {
      indexByName[name] = entries.count
      entries.append(Entry(name: name, domain: domain, first: (domain, label)))
      return
    }
    guard entries[index].domain != domain else { return }
    guard let union = try Self.union(entries[index].domain, domain, name) else {
      throw SpaceError(
        "\(entries[index].domain.kindName) in \(entries[index].first.label), \(domain.kindName) in \(label): "
          + "these cannot be one parameter", at: name,
        hint: "take over only the trials of one kind, or give the parameter another name in the others")
    }
    if entries[index].first.domain != domain { entries[index].differs = true }
    entries[index].domain = union
  }

  private static func union(_ a: Domain, _ b: Domain, _ name: String) throws(SpaceError) -> Domain? {
    switch (a, b) {
    case (.integer(let a), .integer(let b)): return .integer(try union(a, b, isInteger: true, name))
    case (.float(let a), .float(let b)): return .float(try union(a, b, isInteger: false, name))
    case (.float(let a), .integer(let b)), (.integer(let b), .float(let a)):
      var real = b
      real.step = nil
      return .float(try union(a, real, isInteger: false, name))
    case (.categorical(let a), .categorical(let b)): return .categorical(a + b.filter { !a.contains($0) })
    default: return nil
    }
  }

  private static func union(
    _ a: NumericDomain, _ b: NumericDomain, isInteger: Bool, _ name: String
  ) throws(SpaceError) -> NumericDomain {
    let low = min(a.low, b.low)
    let high = max(a.high, b.high)
    let scale = a.scale == b.scale ? a.scale : .linear
    var step: Double?
    if let first = a.step, let second = b.step {
      if isInteger {
        step = divisor(divisor(first, second), abs(a.low - b.low))
      } else if first == second {
        let offset = abs(a.low - b.low) / first
        if abs(offset - offset.rounded()) <= 1e-9 * max(1, offset) { step = first }
      }
    }
    do {
      return try NumericDomain(low: low, high: high, scale: scale, step: step, isInteger: isInteger)
    } catch {
      throw SpaceError(error.message, at: name, hint: error.hint)
    }
  }

  /// The greatest common divisor of whole numbers.
  private static func divisor(_ a: Double, _ b: Double) -> Double {
    var (a, b) = (a, b)
    while b > 0 { (a, b) = (b, a.truncatingRemainder(dividingBy: b)) }
    return a
  }
}
