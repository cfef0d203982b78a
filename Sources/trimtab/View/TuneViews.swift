import Trimtab

/// What `trimtab tune` shows of its work.
protocol TuneView: AnyObject {
  /// Whether nobody can see it any more.
  var isClosed: Bool { get }
  func begin(isNew: Bool, store: String, parallel: Int, budget: String)
  /// Called in every round of the tuner's loop.
  func update(interruptions: Int)
  func notice(_ text: String)
  /// Leaves what was shown, before an error is printed.
  func close()
  func end(_ summary: StudySummary)
}

/// One line for each event.
final class LineView: TuneView {
  private let session: Session
  private let feed: EventFeed
  private let output = LineOutput()
  private var announced = 0

  init(_ session: Session, ownOnly: Bool) {
    self.session = session
    feed = EventFeed(session, ownOnly: ownOnly)
  }

  var isClosed: Bool { output.isClosed }

  func begin(isNew: Bool, store: String, parallel: Int, budget: String) {
    let state = session.state
    output.print("study \(state.spec.name): \(Shown.method(state.spec.method)), \(budget), \(parallel) at a time")
    output.print(
      isNew ? "store \(shownPath(store)), new" : "store \(shownPath(store)), goes on after \(Shown.count(state.trials.count, "trial"))")
  }

  func update(interruptions: Int) {
    // What cannot be read now is shown in the next round.
    try? feed.news { event in if let line = EventText.line(event, session.state) { output.print(line) } }
    while announced < min(interruptions, 3) {
      announced += 1
      output.print(interruptionText(announced))
    }
    output.flush(waits: false)
  }

  func notice(_ text: String) { output.print("notice: \(printable(text))") }

  func close() {
    update(interruptions: announced)
    output.flush(waits: true)
  }

  func end(_ summary: StudySummary) {
    update(interruptions: announced)
    output.print("")
    for line in summary.lines { output.print(line) }
    output.flush(waits: true)
  }
}

/// What the next Ctrl-C does, after so many.
func interruptionText(_ interruptions: Int) -> String {
  switch interruptions {
  case 0: "Ctrl-C lets the running trials finish, then ends"
  case 1: "running trials finish; Ctrl-C again stops them with their checkpoints"
  case 2: "running trials are stopped; Ctrl-C again ends them at once"
  default: "running trials are ended at once"
  }
}

/// One JSON object for each event.
final class JSONView: TuneView {
  private let session: Session
  private let feed: EventFeed
  private let output = LineOutput()

  init(_ session: Session, ownOnly: Bool) {
    self.session = session
    feed = EventFeed(session, ownOnly: ownOnly)
  }

  var isClosed: Bool { output.isClosed }

  func begin(isNew: Bool, store: String, parallel: Int, budget: String) {
    let object = JSONValue.members([
      "event": .string("study"), "time": .integer(Int(systemClock())), "study": .string(session.state.spec.name),
      "store": .string(store), "new": .bool(isNew), "trials": .integer(session.state.trials.count),
      "parallel": .integer(parallel), "specification": session.state.spec.json,
    ])
    output.print(object.text)
  }

  func update(interruptions: Int) {
    try? feed.news { event in
      if let object = EventJSON.object(event, session.state) { output.print(object.text) }
    }
    output.flush(waits: false)
  }

  func notice(_ text: String) { output.print(EventJSON.notice(text, at: systemClock()).text) }

  func close() {
    update(interruptions: 0)
    output.flush(waits: true)
  }

  func end(_ summary: StudySummary) {
    update(interruptions: 0)
    output.print(summary.json(at: systemClock()).text)
    output.flush(waits: true)
  }
}

/// Warnings on standard error, and nothing else.
final class QuietView: TuneView {
  let isClosed = false
  func begin(isNew: Bool, store: String, parallel: Int, budget: String) {}
  func update(interruptions: Int) {}
  func notice(_ text: String) { printError("notice: \(printable(text))") }
  func close() {}
  func end(_ summary: StudySummary) {}
}

/// The view that is redrawn in place.
final class LiveView: TuneView {
  private let session: Session
  private let terminal: Terminal
  private let block: LiveBlock
  private let feed: EventFeed
  private let start: StudyProgress.Mark
  private let output = LineOutput()
  private var notices: [String] = []
  private var noticeCount = 0
  private var lastDrawn = MonotonicTime(nanoseconds: 0)

  private static let interval = Duration.milliseconds(200)
  private static let keptNotices = 20

  private let footer: String?

  /// - Parameter footer: the last line, if not what the next Ctrl-C does to the tuner.
  init(_ session: Session, _ terminal: Terminal, footer: String? = nil) {
    self.session = session
    self.footer = footer
    self.terminal = terminal
    block = LiveBlock(terminal)
    feed = EventFeed(session, ownOnly: false)
    start = StudyProgress.Mark(session.state, now: systemClock())
  }

  let isClosed = false

  func begin(isNew: Bool, store: String, parallel: Int, budget: String) { update(interruptions: 0) }

  func update(interruptions: Int) {
    try? feed.news { event in
      switch event.body {
      case .trialFailed, .trialLost, .studyAmended:
        if let line = EventText.line(event, session.state) { notice(line) }
      default: break
      }
    }
    let now = MonotonicTime.now()
    guard now >= lastDrawn.advanced(by: Self.interval) else { return }
    lastDrawn = now
    let size = Terminal.size()
    let frame = StudyFrame(
      state: session.state, start: start, now: systemClock(), notices: notices,
      footer: footer ?? interruptionText(interruptions),
      usesUnicode: terminal.usesUnicode)
    block.draw(frame.lines(columns: size.columns, rows: size.rows))
  }

  func notice(_ text: String) {
    noticeCount += 1
    notices.append(text)
    if notices.count > Self.keptNotices { notices.removeFirst() }
  }

  func close() {
    block.clear()
    for text in shownNotices { output.print(text) }
    output.flush(waits: true)
  }

  func end(_ summary: StudySummary) {
    close()
    for line in summary.lines { output.print(line) }
    output.flush(waits: true)
  }

  private var shownNotices: [String] {
    guard !notices.isEmpty else { return [] }
    let earlier = noticeCount - notices.count
    return (earlier > 0 ? ["\(earlier) earlier notices are not shown"] : [])
      + notices.map { "! \($0.split(whereSeparator: \.isNewline).map { printable(String($0)) }.joined(separator: "\n    "))" }
      + [""]
  }
}
