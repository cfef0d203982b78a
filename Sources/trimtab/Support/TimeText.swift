import Trimtab

/// Times as text, always in UTC.
enum TimeText {
  /// `2026-11-21T12:34:56.789Z`.
  static func iso(_ time: Timestamp) -> String {
    let (date, clock, milliseconds) = parts(time)
    return "\(date)T\(clock).\(digits(milliseconds, 3))Z"
  }

  /// `2026-11-21 12:34:56`.
  static func plain(_ time: Timestamp) -> String {
    let (date, clock, _) = parts(time)
    return "\(date) \(clock)"
  }

  private static func digits(_ value: Int, _ count: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }

  private static func parts(_ time: Timestamp) -> (date: String, clock: String, milliseconds: Int) {
    func floor(_ a: Int, _ b: Int) -> (Int, Int) {
      let rest = (a % b + b) % b
      return ((a - rest) / b, rest)
    }
    let (seconds, milliseconds) = floor(Int(time), 1000)
    let (days, second) = floor(seconds, 86_400)
    // Days are counted from 0000-03-01, so that the leap day ends a year; 146,097 days are 400 years.
    let (era, dayOfEra) = floor(days + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
    let clock = "\(digits(second / 3600, 2)):\(digits(second / 60 % 60, 2)):\(digits(second % 60, 2))"
    return (date, clock, milliseconds)
  }
}
