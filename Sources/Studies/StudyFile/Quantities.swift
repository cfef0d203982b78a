import TrimtabSearchSpaces

/// Times and sizes as people write them.
enum Quantity {
  /// Longer times than a hundred years are mistakes, and would overflow clocks that count milliseconds.
  static let maximumSeconds = 36_500 * 86_400.0
  static let maximumBytes = 0x1p53

  static let timeExample = "write seconds, or a time such as 90s, 15m, 2h, 1d or 1h30m"
  static let sizeExample = "write bytes, or a size such as 512MiB or 2GB"

  private static let timeUnits: [(unit: Character, seconds: Double)] = [
    ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1),
  ]

  private static let sizeUnits: [String: Double] = [
    "": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30,
    "TiB": 0x1p40,
  ]

  /// The seconds that a text such as `90`, `15m` or `1h30m` means: units from the largest to the smallest, each once.
  static func seconds(_ text: String) -> Double? {
    // Canonical text writes small fractions with an exponent.
    if text.first.map({ ("0"..."9").contains($0) || $0 == "." }) == true, !text.contains("x"), let number = Double(text)
    {
      return number <= maximumSeconds ? number : nil
    }
    var total = 0.0
    var remaining = timeUnits[...]
    var digits = ""
    for character in text {
      if ("0"..."9").contains(character) || character == "." {
        digits.append(character)
        continue
      }
      guard let index = remaining.firstIndex(where: { $0.unit == character }), let count = plainNumber(digits) else {
        return nil
      }
      total += count * remaining[index].seconds
      remaining = remaining[(index + 1)...]
      digits = ""
    }
    return digits.isEmpty && !text.isEmpty && total <= maximumSeconds ? total : nil
  }

  /// The bytes that a text such as `1048576`, `512MiB` or `2GB` means.
  static func bytes(_ text: String) -> Int? {
    let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = plainNumber(String(digits)), let factor = sizeUnits[String(unit)] else { return nil }
    let bytes = number * factor
    guard bytes == bytes.rounded(), bytes <= maximumBytes else { return nil }
    return Int(bytes)
  }

  /// A number written with digits and at most one point; no sign, exponent or hexadecimal.
  private static func plainNumber(_ text: String) -> Double? {
    guard text.allSatisfy({ ("0"..."9").contains($0) || $0 == "." }) else { return nil }
    return Double(text)
  }
}
