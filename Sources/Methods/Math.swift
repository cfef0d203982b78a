#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The natural logarithm, behind a name of our own so that a file can use it without importing the platform.
@inline(__always) func logarithm(_ x: Double) -> Double { log(x) }

@inline(__always) func exponential(_ x: Double) -> Double { exp(x) }
