import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The processes of this machine, as /proc shows them at one moment. One reading serves any number of trials.
public struct ProcessTable: Sendable {
  public struct Entry: Equatable, Sendable {
    public var process: Int32
    public var group: Int32
    /// The letter of proc(5): R, S, D, Z (ended, not collected), T (stopped), ...
    public var state: Character
    /// Resident memory. What processes share counts for each of them.
    public var residentBytes: UInt64
  }

  public let entries: [Entry]

  /// Reads the table; `nil` where there is no /proc.
  public static func read() -> ProcessTable? {
    #if os(Linux)
      guard let directory = opendir("/proc") else { return nil }
      defer { closedir(directory) }
      let pageBytes = UInt64(sysconf(Int32(_SC_PAGESIZE)))
      var entries: [Entry] = []
      var buffer = [UInt8](repeating: 0, count: 1024)
      while let item = readdir(directory) {
        let name = withUnsafeBytes(of: &item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let process = Int32(name) else { continue }
        let number = open("/proc/\(name)/stat", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { continue }  // it ended meanwhile
        let count = Glibc.read(number, &buffer, buffer.count)
        close(number)
        guard count > 0, let entry = parse(buffer[..<count], process: process, pageBytes: pageBytes) else { continue }
        entries.append(entry)
      }
      return ProcessTable(entries: entries)
    #else
      return nil
    #endif
  }

  /// Resident bytes of each process group.
  public func residentBytesByGroup() -> [Int32: UInt64] {
    var sums: [Int32: UInt64] = [:]
    for entry in entries { sums[entry.group, default: 0] += entry.residentBytes }
    return sums
  }

  /// Resident bytes of one process group; 0 when it has no members.
  public func residentBytes(ofGroup group: Int32) -> UInt64 {
    entries.reduce(0) { $1.group == group ? $0 + $1.residentBytes : $0 }
  }

  /// Whether the group has a process that has not ended.
  func hasLivingMember(ofGroup group: Int32) -> Bool {
    entries.contains { $0.group == group && $0.state != "Z" && $0.state != "X" }
  }

  /// One line of /proc/PID/stat. The command's name may hold anything, blanks and parentheses too; so fields are counted
  /// from its last parenthesis.
  static func parse(_ line: ArraySlice<UInt8>, process: Int32, pageBytes: UInt64) -> Entry? {
    guard let end = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = line[(end + 1)...].split { $0 == 32 || $0 == 10 }
    guard fields.count > 21, let state = fields[0].first, let group = Int32(text(fields[2])),
      let pages = UInt64(text(fields[21]))
    else { return nil }
    let letter = Character(Unicode.Scalar(state))
    return Entry(process: process, group: group, state: letter, residentBytes: pages * pageBytes)
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }
}

/// Whether all processes of the group have ended. For groups whose leader is no longer an uncollected child.
///
/// Where nobody collects orphans (a container whose first process doesn't), ended processes stay in the group for ever; so
/// these don't count.
func groupHasGone(_ group: pid_t) -> Bool {
  // Orphans come to this process if it is a subreaper or the first process of a container.
  while waitpid(-group, nil, WNOHANG) > 0 {}
  if kill(-group, 0) != 0 { return errno == ESRCH }
  guard let table = ProcessTable.read() else { return false }
  return !table.hasLivingMember(ofGroup: group)
}
