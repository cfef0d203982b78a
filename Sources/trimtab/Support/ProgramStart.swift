import ArgumentParser

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The whole program.
func startProgram() {
  openStandardDescriptors()
  TrimtabCommand.main()
}

/// Whoever closed standard output before starting this program must not find its lines in the store, which would be opened
/// with that very number.
private func openStandardDescriptors() {
  for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
}
