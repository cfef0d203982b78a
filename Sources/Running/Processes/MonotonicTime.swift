#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A moment on a clock that never goes back, in nanoseconds from an arbitrary origin.
///
/// The process layer takes the time as an argument and never reads it, so that its deadlines can be tested without waiting.
@frozen
public struct MonotonicTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since the clock's origin.
  public let nanoseconds: UInt64

  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// The present moment. On Linux the clock goes on while the machine sleeps (CLOCK_BOOTTIME), so that a grace period that
  /// passed in a suspended laptop has passed.
  public static func now() -> MonotonicTime {
    var time = timespec()
    #if os(Linux)
      clock_gettime(CLOCK_BOOTTIME, &time)
    #else
      clock_gettime(CLOCK_MONOTONIC, &time)
    #endif
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  /// The moment that lies `duration` later; a negative duration counts as zero, and one beyond the clock's range (584 years)
  /// as its end.
  public func advanced(by duration: Duration) -> MonotonicTime {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return self }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return MonotonicTime(nanoseconds: .max) }
    let (part, overflowOfPart) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
    let (sum, overflowOfSum) = nanoseconds.addingReportingOverflow(part)
    return MonotonicTime(nanoseconds: overflowOfPart || overflowOfSum ? .max : sum)
  }

  /// Milliseconds from `now` to this moment, rounded up, as poll(2) wants them: 0 when it has passed.
  public func pollTimeout(from now: MonotonicTime) -> Int32 {
    guard self > now else { return 0 }
    let milliseconds = (nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1
    return Int32(clamping: milliseconds)
  }

  @inlinable
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}
