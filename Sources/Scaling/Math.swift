#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// The C library's functions behind names of our own, so that a file can use one without importing the platform.
@inline(__always) func _log(_ x: Double) -> Double { log(x) }
@inline(__always) func _exp(_ x: Double) -> Double { exp(x) }
@inline(__always) func _pow(_ x: Double, _ y: Double) -> Double { pow(x, y) }
@inline(__always) func _log10(_ x: Double) -> Double { log10(x) }
@inline(__always) func _cos(_ x: Double) -> Double { cos(x) }

/// A number for a message: at most four significant digits.
func shown(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var buffer = [CChar](repeating: 0, count: 32)
  let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.4g", $0) }
  return String(decoding: buffer[..<max(0, min(Int(count), 31))].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
