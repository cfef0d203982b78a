import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers, times and configurations as people read them.
enum Shown {
  /// At most five significant digits.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let exact = JSONValue.plainText(value)
    guard exact.utf8.count > 7 else { return exact }
    var buffer = [CChar](repeating: 0, count: 32)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.5g", $0) }
    guard count > 0, count < buffer.count else { return exact }
    return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// All digits, so that the number can be used again.
  static func exact(_ value: Double) -> String {
    value.isFinite ? JSONValue.plainText(value) : value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
  }

  /// `5.508 seconds`, `27 epochs`: an amount of the resource of that name.
  static func resource(_ amount: Double, _ name: String) -> String {
    exact((amount * 1000).rounded() / 1000) + " " + (name.hasSuffix("s") ? name : name + "s")
  }

  /// `12s`, `3m 05s`, `2h 03m`, `1d 04h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return "unknown" }
    if seconds < 10, seconds != seconds.rounded() {
      return "\(JSONValue.plainText((max(0, seconds) * 10).rounded() / 10))s"
    }
    let whole = Int(max(0, seconds).rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m \(two(whole % 60))s" }
    if whole < 86_400 { return "\(whole / 3600)h \(two(whole / 60 % 60))m" }
    return "\(whole / 86_400)d \(two(whole / 3600 % 24))h"
  }

  /// `lr=0.01 optimizer=adam`.
  static func configuration(_ configuration: Configuration, in space: Space, exact: Bool) -> String {
    space.values(of: configuration).map { name, value in
      if case .real(let number) = value, !exact { return "\(name)=\(Self.number(number))" }
      return "\(name)=\(value.description)"
    }.joined(separator: " ")
  }

  static func metrics(_ metrics: [MetricValue]) -> String {
    metrics.map { "\($0.name) \(number($0.value))" }.joined(separator: ", ")
  }

  /// `1 trial`, `2 trials`.
  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// The sampler and the scheduler.
  static func method(_ method: MethodSpec) -> String { "\(method.sampler.name) + \(method.scheduler.name)" }

  /// All limits of a budget.
  static func budget(_ budget: Budget) -> String {
    let limits = [
      budget.trials.map { count($0, "trial") }, budget.seconds.map { duration($0) },
      budget.cost.map { "cost \(number($0))" },
    ].compactMap { $0 }
    return limits.isEmpty ? "no limit" : limits.joined(separator: ", ")
  }
}

/// A path without the `./` of the present folder.
func shownPath(_ path: String) -> String { path.hasPrefix("./") ? String(path.dropFirst(2)) : path }
