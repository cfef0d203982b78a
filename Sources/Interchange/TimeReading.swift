import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Times as other tools write them.
enum TimeReading {
  /// What a time without an offset from UTC means.
  enum Zone {
    case utc
    case local
  }

  /// Reads `2026-11-21 17:18:28.873232`, with `T` or a space, fractions or none, and `Z`, an offset such as `+01:00` or none.
  static func time(_ text: String, zone: Zone) -> Timestamp? {
    let parts = text.utf8.map { Int($0) }
    func digits(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= parts.count else { return nil }
      var value = 0
      for digit in parts[range] {
        guard (48...57).contains(digit) else { return nil }
        value = value * 10 + digit - 48
      }
      return value
    }
    guard parts.count >= 19, parts[4] == 45, parts[7] == 45, parts[13] == 58, parts[16] == 58,
      parts[10] == 32 || parts[10] == 84, let year = digits(0..<4), let month = digits(5..<7), let day = digits(8..<10),
      let hour = digits(11..<13), let minute = digits(14..<16), let second = digits(17..<19),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    var next = 19
    var milliseconds = 0
    if next < parts.count, parts[next] == 46 {
      next += 1
      var scale = 100
      while next < parts.count, (48...57).contains(parts[next]) {
        milliseconds += (parts[next] - 48) * scale
        scale /= 10
        next += 1
      }
    }
    var seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    switch parts[next...].first {
    case nil:
      if zone == .local {
        var fields = tm()
        (fields.tm_year, fields.tm_mon, fields.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        (fields.tm_hour, fields.tm_min, fields.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
        fields.tm_isdst = -1
        seconds = mktime(&fields)
      }
    case 90 where next + 1 == parts.count: break
    case 43, 45:
      guard next + 6 == parts.count, parts[next + 3] == 58, let hours = digits(next + 1..<next + 3),
        let minutes = digits(next + 4..<next + 6)
      else { return nil }
      seconds -= (parts[next] == 45 ? -1 : 1) * (hours * 60 + minutes) * 60
    default: return nil
    }
    return Timestamp(seconds * 1000 + milliseconds)
  }

  /// Days from 1970-01-01 to a date of the Gregorian calendar.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    // Years are counted from March, so that the leap day ends one.
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// A time in UTC: `2026-11-21 17:18:28.873000`, with another separator where one is asked for.
  static func text(_ time: Timestamp, separator: String = " ") -> String {
    func floor(_ a: Int, _ b: Int) -> (Int, Int) {
      let rest = (a % b + b) % b
      return ((a - rest) / b, rest)
    }
    func padded(_ value: Int, _ count: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let (seconds, milliseconds) = floor(Int(time), 1000)
    var instant = time_t(seconds)
    var fields = tm()
    gmtime_r(&instant, &fields)
    return padded(Int(fields.tm_year) + 1900, 4) + "-" + padded(Int(fields.tm_mon) + 1, 2) + "-"
      + padded(Int(fields.tm_mday), 2) + separator + padded(Int(fields.tm_hour), 2) + ":"
      + padded(Int(fields.tm_min), 2) + ":" + padded(Int(fields.tm_sec), 2) + "." + padded(milliseconds, 3) + "000"
  }
}
