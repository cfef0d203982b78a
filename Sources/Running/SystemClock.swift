import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The machine's clock, in milliseconds since 1970 UTC.
public let systemClock: @Sendable () -> Timestamp = {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(time.tv_sec) * 1000 + Timestamp(time.tv_nsec) / 1_000_000
}

/// A worker's number, never used before or again.
public func newWorkerID() -> WorkerID {
  var generator = SystemRandomNumberGenerator()
  return generator.next() & 0x0FFF_FFFF_FFFF_FFFF
}

/// A seed for a study that was given none.
public func newSeed() -> UInt64 {
  var generator = SystemRandomNumberGenerator()
  // Short enough to be typed again, and exact in every JSON reader.
  return generator.next() >> 32
}
