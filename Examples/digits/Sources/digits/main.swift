#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

exit(runDigits(Array(CommandLine.arguments.dropFirst())))
