import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What standard output is, and what may be sent there.
struct Terminal {
  /// Whether a view can be redrawn in place: a terminal that understands control sequences.
  let isLive: Bool
  /// Whether colours are wanted (https://no-color.org).
  let usesColour: Bool
  /// Whether characters beyond ASCII can be shown, by the locale.
  let usesUnicode: Bool

  static func standardOutput() -> Terminal {
    let kind = ThisProgram.environment("TERM") ?? "dumb"
    let isLive = isatty(1) == 1 && kind != "dumb"
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { ThisProgram.environment($0) }.first ?? ""
    let plain = locale.lowercased()
    return Terminal(
      isLive: isLive, usesColour: isLive && ThisProgram.environment("NO_COLOR") == nil,
      usesUnicode: plain.contains("utf-8") || plain.contains("utf8"))
  }

  /// Columns and rows; 80 by 24 where the terminal does not say.
  static func size() -> (columns: Int, rows: Int) {
    var columns: Int32 = 0
    var rows: Int32 = 0
    guard trimtab_terminal_size(1, &columns, &rows) == 0, columns > 0, rows > 0 else { return (80, 24) }
    return (Int(columns), Int(rows))
  }
}

/// A block of lines at the end of the terminal that is drawn again in place.
///
/// Nothing here waits for the terminal: one that was stopped (Ctrl-S) or is slow misses frames.
final class LiveBlock {
  private let terminal: Terminal
  private let descriptor: Int32
  private let isOwn: Bool
  private var pending: [UInt8] = []
  /// The widths of the lines on the screen.
  private var shown: [Int] = []

  init(_ terminal: Terminal) {
    self.terminal = terminal
    // Its own opening of the terminal does not block, and leaves the one shared with other programs as it is.
    let own = ttyname(1).map { open($0, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) } ?? -1
    isOwn = own >= 0
    descriptor = isOwn ? own : 1
  }

  deinit { if isOwn { close(descriptor) } }

  /// Shows these lines in place of the last ones; longer lines are cut.
  func draw(_ lines: [StyledText]) {
    guard flush() else { return }
    let size = Terminal.size()
    var text = "\u{1B}[?7l" + start(columns: size.columns)
    let visible = lines.prefix(max(1, size.rows - 1)).map { $0.fitted(to: size.columns, ellipsis: ellipsis) }
    for line in visible { text += line.rendered(inColour: terminal.usesColour) + "\u{1B}[K\r\n" }
    text += "\u{1B}[J\u{1B}[?7h"
    shown = visible.map(\.width)
    pending = Array(text.utf8)
    _ = flush()
  }

  /// Removes the lines, so that what is printed next stands in their place.
  func clear() {
    // A line that was cut in the middle would leave the terminal in an unknown state.
    for _ in 0..<100 where !flush() { poll(nil, 0, 10) }
    pending = Array((start(columns: Terminal.size().columns) + "\u{1B}[J").utf8)
    shown = []
    for _ in 0..<100 where !flush() { poll(nil, 0, 10) }
  }

  private var ellipsis: String { terminal.usesUnicode ? "…" : "..." }

  /// Back to the block's first row. In a window that became narrower, lines take several rows by now.
  private func start(columns: Int) -> String {
    let rows = shown.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
    return rows > 0 ? "\r\u{1B}[\(rows)A" : "\r"
  }

  /// Writes what the terminal takes now; whether that was everything.
  private func flush() -> Bool {
    var next = 0
    while next < pending.count {
      let count = pending[next...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        next += count
      } else if errno != EINTR {
        // A terminal that is gone gets nothing more.
        if errno != EAGAIN { next = pending.count }
        break
      }
    }
    pending.removeFirst(next)
    return pending.isEmpty
  }
}
