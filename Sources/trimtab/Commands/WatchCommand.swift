import ArgumentParser
import Trimtab

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Show a study while other processes tune it.",
    discussion: """
      Reads the study's log and writes nothing. It ends when the study is finished, or with Ctrl-C, which does not end \
      the study.
      """)

  @OptionGroup var study: StudyArguments

  @Flag(help: "Print the study as it is now, and end.")
  var once = false

  @Flag(help: "Print each event as a JSON object on a line.")
  var json = false

  /// How often the log is read.
  private static let interval: Int32 = 500

  func validate() throws {
    if json, once { throw ValidationError("--json and --once exclude each other (see 'trimtab status --json')") }
  }

  func run() throws {
    try reporting {
      let location = try study.locate()
      let session = try Session.open(try location.openLog(.readOnly))
      if once { return printFrame(session) }
      let signals = try InterruptSignals()
      let view = makeView(session)
      view.begin(
        isNew: false, store: location.storePath, parallel: session.state.spec.parallel,
        budget: Shown.budget(session.state.spec.budget))
      while true {
        view.update(interruptions: 0)
        if view.isClosed { throw ExitCode(ExitStatus.interrupted.rawValue) }
        if let reason = try session.finishedReason() {
          view.end(summary(session, location, reason))
          return
        }
        signals.wait(milliseconds: Self.interval)
        if signals.newRequests() > 0 {
          view.close()
          throw ExitCode(ExitStatus.interrupted.rawValue)
        }
        do {
          try session.catchUp()
        } catch {
          view.close()
          throw error
        }
      }
    }
  }

  private func makeView(_ session: Session) -> any TuneView {
    if json { return JSONView(session, ownOnly: false) }
    let terminal = Terminal.standardOutput()
    return terminal.isLive
      ? LiveView(session, terminal, footer: "Ctrl-C ends the watching, not the study") : LineView(session, ownOnly: false)
  }

  private func printFrame(_ session: Session) {
    let terminal = Terminal.standardOutput()
    let columns = Terminal.size().columns
    let frame = StudyFrame(
      state: session.state, start: StudyProgress.Mark(session.state, now: systemClock()), now: systemClock(),
      usesUnicode: terminal.usesUnicode)
    let output = LineOutput()
    for line in frame.lines(columns: columns, rows: .max) {
      let shown = terminal.isLive ? line.fitted(to: columns, ellipsis: terminal.usesUnicode ? "…" : "...") : line
      output.print(shown.rendered(inColour: terminal.usesColour))
    }
    output.flush(waits: true)
  }

  private func summary(_ session: Session, _ location: StudyLocation, _ reason: String) -> StudySummary {
    StudySummary(
      state: session.state, reason: reason, wasInterrupted: false, reference: study.reference,
      trialsFolder: location.trialsFolder(ofStudy: session.state.spec.name))
  }
}
