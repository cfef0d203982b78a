#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A number to so many significant digits, as figures and tables of a report print it: `0.0123`, `12300`, `1.23e-07`.
///
/// Plain from 10^−4 up to 10^6; NaN is `–`, and infinities are `∞` and `−∞`.
/// - Parameter keepsZeros: also prints zeros at the end, so that columns line up.
public func numberText(_ value: Double, significant: Int = 4, keepsZeros: Bool = false) -> String {
  guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "−∞" }
  if value == 0 { return numberText(0, decimals: keepsZeros ? max(significant - 1, 0) : 0) }
  var exponent = Int(floor(log10(abs(value))))
  // Rounding may carry into a further digit: 0.99996 is 1.000.
  if abs(value) / power(exponent) + 0.5 / power(significant - 1) >= 10 { exponent += 1 }
  if exponent < -4 || exponent >= 6 {
    let digits = numberText(value / power(exponent), decimals: max(significant - 1, 0), keepsZeros: keepsZeros)
    let size = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    return "\(digits)e\(exponent < 0 ? "-" : "+")\(size)"
  }
  return numberText(value, decimals: max(significant - 1 - exponent, 0), keepsZeros: keepsZeros)
}

/// A number with so many decimals. Beyond 2^52 in size, where there are none, the digits are those of `Double`.
public func numberText(_ value: Double, decimals: Int, keepsZeros: Bool = true) -> String {
  let scaled = (abs(value) * power(decimals)).rounded(.toNearestOrEven)
  guard value.isFinite, scaled < 0x1p52 else { return value.isFinite ? "\(value)" : numberText(value, significant: 1) }
  var digits = String(Int(scaled))
  var text = digits
  if decimals > 0 {
    digits = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
    var fraction = String(digits.suffix(decimals))
    if !keepsZeros {
      while fraction.hasSuffix("0") { fraction.removeLast() }
    }
    text = digits.dropLast(decimals) + (fraction.isEmpty ? "" : "." + fraction)
  }
  return value < 0 && scaled > 0 ? "-" + text : text
}

/// A probability as tables print it: `0.034`, or `< 0.001`… as a power of ten below that.
public func probabilityText(_ p: Double) -> String {
  p.isNaN ? "–" : p >= 0.001 ? numberText(p, decimals: 3) : p == 0 ? "0" : numberText(p, significant: 2)
}

private func power(_ exponent: Int) -> Double { pow(10, Double(exponent)) }
