#if os(Linux)

  import Foundation
  import XCTest

  /// The screen of a terminal, as far as the live view makes use of one. Lines that are too long wrap, as real ones do.
  private struct Screen {
    var columns: Int
    private(set) var rows: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    private var wraps = true
    /// Whether a character was ever written beyond the last column.
    private(set) var hasWrapped = false
    /// Whether any colour or weight was asked for.
    private(set) var hasStyle = false

    init(columns: Int) { self.columns = columns }

    var text: String { rows.map { String($0) }.joined(separator: "\n") }

    mutating func write(_ text: String) {
      var rest = Substring(text)
      while let scalar = rest.unicodeScalars.popFirst() {
        switch scalar {
        case "\r": column = 0
        case "\n": moveDown()
        case "\u{1B}":
          guard rest.unicodeScalars.popFirst() == "[" else { continue }
          let parameters = rest.prefix { "0123456789;?".contains($0) }
          rest = rest.dropFirst(parameters.count)
          perform(rest.popFirst() ?? " ", String(parameters))
        default: put(Character(scalar))
        }
      }
    }

    private mutating func moveDown() {
      row += 1
      if row == rows.count { rows.append([]) }
    }

    private mutating func put(_ character: Character) {
      if column >= columns {
        hasWrapped = true
        guard wraps else { return }
        column = 0
        moveDown()
      }
      while rows[row].count <= column { rows[row].append(" ") }
      rows[row][column] = character
      column += 1
    }

    private mutating func perform(_ command: Character, _ parameters: String) {
      switch (command, parameters) {
      case ("A", _): row = max(0, row - (Int(parameters) ?? 1))
      case ("K", _): rows[row] = Array(rows[row].prefix(column))
      case ("J", _):
        rows[row] = Array(rows[row].prefix(column))
        rows.removeSubrange((row + 1)...)
      case ("l", "?7"): wraps = false
      case ("h", "?7"): wraps = true
      case ("m", _): hasStyle = true
      default: XCTFail("an unknown control sequence: \(parameters)\(command)")
      }
    }
  }

  /// The live view, in a pseudo-terminal.
  final class TuneTerminalTests: TuneTestCase {
    private var primary: Int32 = -1
    private var process = Process()
    private var received: [UInt8] = []

    override func tearDownWithError() throws {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      if primary >= 0 { close(primary) }
      try super.tearDownWithError()
    }

    private func start(_ arguments: [String], columns: Int, environment: [String: String] = [:]) throws {
      primary = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
      var locked: Int32 = 0
      var number: Int32 = 0
      // What unlockpt(3) and ptsname(3) ask the kernel; Swift sees neither.
      XCTAssertEqual(ioctl(primary, 0x4004_5431, &locked), 0)
      XCTAssertEqual(ioctl(primary, 0x8004_5430, &number), 0)
      resize(columns: columns)
      let secondary = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      defer { close(secondary) }
      process = Process()
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.environment = [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TERM": "xterm",
      ].merging(environment) { $1 }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle(fileDescriptor: secondary)
      process.standardError = FileHandle(fileDescriptor: secondary)
      try process.run()
    }

    private func resize(columns: Int) {
      var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
      XCTAssertEqual(ioctl(primary, UInt(TIOCSWINSZ), &size), 0)
    }

    /// Reads what the program writes until it contains a text, or until its end.
    private func receive(until text: String? = nil) throws {
      let deadline = Date().addingTimeInterval(30)
      var buffer = [UInt8](repeating: 0, count: 65536)
      while Date() < deadline {
        var entry = pollfd(fd: primary, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, 100) > 0 {
          let count = read(primary, &buffer, buffer.count)
          if count > 0 {
            received += buffer[..<count]
          } else if !process.isRunning {
            return
          }
        }
        if let text, output.contains(text) { return }
      }
      XCTFail("waited 30 s for \(text ?? "the end"): \(output)")
    }

    private var output: String { String(decoding: received, as: UTF8.self) }

    private func screen(columns: Int) -> Screen {
      var screen = Screen(columns: columns)
      screen.write(output)
      return screen
    }

    private func writeStudy(trials: Int, pause: Double = 0.3) throws {
      try writeStudy(
        "budget: {trials: \(trials)}\nparallel: 2",
        space: (0..<6).map { "a_long_name_of_parameter_\($0): {type: float, low: 0, high: 1}" }.joined(
          separator: "\n  "),
        script: "sleep \(pause); echo '{\"loss\": 0.25}' > $TRIMTAB_REPORT; [ $TRIMTAB_TRIAL != 1 ] || exit 7")
    }

    func testTheViewIsDrawnInPlaceAndNeverWraps() throws {
      try writeStudy(trials: 5)
      try start(["tune", "study.yaml"], columns: 40)
      try receive(until: " 2/5 trials")
      let live = screen(columns: 40)
      XCTAssertFalse(live.hasWrapped, live.text)
      XCTAssertTrue(live.hasStyle)
      XCTAssertTrue(live.text.contains("small  random + full"), live.text)
      XCTAssertEqual(live.text.components(separatedBy: "Ctrl-C").count, 2, "one frame is on the screen: \(live.text)")
      try receive()
      process.waitUntilExit()
      XCTAssertEqual(process.terminationStatus, 0)
      let end = screen(columns: 200).text
      XCTAssertTrue(end.hasPrefix("! trial 1 failed (crash): it ended with status 7"), end)
      XCTAssertTrue(end.contains("\nsmall: finished, the budget of 5 trials is spent\n"), end)
      XCTAssertFalse(end.contains("Ctrl-C"), "the view is gone: \(end)")
    }

    func testAWindowThatBecomesNarrowerGetsShorterLines() throws {
      try writeStudy(trials: 6)
      try start(["tune", "study.yaml"], columns: 80)
      try receive(until: " 1/6 trials")
      let wide = received.count
      resize(columns: 30)
      try receive(until: " 4/6 trials")
      // The first frame after the change goes back over the rows that the wide lines take by now.
      let text = String(decoding: received[wide...], as: UTF8.self)
      let frames = text.components(separatedBy: "\u{1B}[?7l").suffix(2)
      for frame in frames {
        var narrow = Screen(columns: 30)
        narrow.write(frame)
        XCTAssertFalse(narrow.hasWrapped, narrow.text)
      }
      kill(process.processIdentifier, SIGKILL)
    }

    func testNoColourIsUsedWhereItIsNotWanted() throws {
      try writeStudy(trials: 2)
      try start(["tune", "study.yaml"], columns: 80, environment: ["NO_COLOR": "1"])
      try receive()
      XCTAssertFalse(screen(columns: 80).hasStyle)
      XCTAssertTrue(output.contains("─"))
    }

    func testATerminalThatCannotMoveTheCursorGetsLines() throws {
      try writeStudy(trials: 2)
      try start(["tune", "study.yaml"], columns: 80, environment: ["TERM": "dumb"])
      try receive()
      XCTAssertFalse(output.contains("\u{1B}"), output)
      XCTAssertTrue(output.contains("trial 0 completed: loss 0.25"), output)
    }

    func testATerminalThatIsNotReadDoesNotHoldUpTheStudy() throws {
      try writeStudy(trials: 30, pause: 0)
      try start(["tune", "study.yaml"], columns: 200, environment: ["TERM": "xterm"])
      try wait(for: "the study to finish unseen") {
        (try run("watch", "study.yaml", "--once").output).contains("30/30")
      }
      try receive()
      process.waitUntilExit()
      XCTAssertEqual(process.terminationStatus, 0)
    }
  }

#endif
