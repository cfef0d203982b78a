#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Removes files, whether or not they are there.
func removeFiles(_ paths: [String]) { for path in paths { unlink(path) } }
