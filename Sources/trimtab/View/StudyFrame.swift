import Trimtab

/// The view of a study at one moment, as lines for a terminal.
struct StudyFrame {
  var state: StudyState
  var start: StudyProgress.Mark
  var now: Timestamp
  /// What happened lately, oldest first.
  var notices: [String] = []
  /// What the reader can do, in the last line.
  var footer: String?
  var usesUnicode: Bool

  private static let mostNotices = 4

  /// The lines for a terminal of this size; the caller cuts those that are too long.
  func lines(columns: Int, rows: Int) -> [StyledText] {
    let progress = StudyProgress(state, since: start, now: now)
    var head = [title(progress), bar(progress, columns: columns), counts()]
    head += best(columns: columns)
    let tail = noticeLines() + (footer.map { [StyledText($0, .dim)] } ?? [])
    // The terminal's last row stays free for the cursor.
    let room = max(1, rows - 1 - head.count - tail.count)
    return head + running(rows: room, columns: columns) + tail
  }

  private func title(_ progress: StudyProgress) -> StyledText {
    let left = progress.share == nil ? "" : ", left \(progress.left.map { "about \(Shown.duration($0))" } ?? "unknown")"
    return StyledText(state.spec.name, .bold)
      .appending("  \(Shown.method(state.spec.method))  elapsed \(Shown.duration(progress.elapsed))\(left)", .dim)
  }

  private func bar(_ progress: StudyProgress, columns: Int) -> StyledText {
    guard let share = progress.share else { return StyledText(progress.label) }
    let width = min(60, columns - progress.label.count - 1)
    guard width >= 5 else { return StyledText(progress.label) }
    let filled = Int((share * Double(width)).rounded(.down))
    let (full, empty) = usesUnicode ? ("━", "─") : ("#", "-")
    return StyledText(String(repeating: full, count: filled), .accent)
      .appending(String(repeating: empty, count: width - filled), .dim)
      .appending(" \(progress.label)")
  }

  private func counts() -> StyledText {
    var line = StyledText()
    for state in [TrialState.completed, .stopped, .paused, .failed, .running, .waiting] {
      let count = self.state.count(state)
      guard count > 0 else { continue }
      if line.width > 0 { line.append("  ") }
      let style: StyledText.Style = state == .completed ? .good : state == .failed ? .bad : .plain
      line.append("\(count) \(state.name)", style)
    }
    return line.width > 0 ? line : StyledText("no trial yet", .dim)
  }

  private func best(columns: Int) -> [StyledText] {
    guard let trial = state.incumbent else { return [StyledText("no result yet", .dim)] }
    let record = state.trials[trial]
    var line = StyledText("best  ", .dim)
    line.append("trial \(trial)  ")
    line.append("\(state.spec.objectives[0].metric) \(Shown.number(record.value))", .good)
    for objective in state.spec.objectives.dropFirst() {
      let value = state.otherMetrics[trial]?.first { $0.name == objective.metric }?.value ?? .nan
      line.append(", \(objective.metric) \(Shown.number(value))")
    }
    if let resource = state.valueResource(trial) { line.append("  \(EventText.resource(resource, state))", .dim) }
    let curve = IncumbentCurve.picture(state, width: min(40, columns - 7), usesUnicode: usesUnicode)
    var lines = [
      line,
      StyledText("      \(configuration(trial))"),
    ]
    if !curve.isEmpty { lines.append(StyledText("      ").appending(curve, .accent)) }
    return lines
  }

  private func running(rows: Int, columns: Int) -> [StyledText] {
    let trials = state.running
    guard !trials.isEmpty else { return [StyledText("no trial is running", .dim)] }
    let shown = trials.count > rows ? max(0, rows - 1) : trials.count
    var lines = trials.prefix(shown).map { trial in
      let record = state.trials[trial]
      var line = StyledText("#\(trial)", .bold)
      if let fidelity = state.spec.fidelity {
        let goal = record.target.isNaN ? fidelity.maximum : record.target
        line.append("  \(fidelity.name) \(Shown.number(record.resource))/\(Shown.number(goal))")
      }
      if record.hasReportedObjective {
        line.append("  \(state.spec.objectives[0].metric) \(Shown.number(record.value))")
      }
      line.append("  \(Shown.duration(Double(max(0, now - record.startedAt) / 1000)))  ", .dim)
      line.append(configuration(trial), .dim)
      return line
    }
    if shown < trials.count { lines.append(StyledText("and \(trials.count - shown) more running", .dim)) }
    return lines
  }

  private func noticeLines() -> [StyledText] {
    notices.suffix(Self.mostNotices).map { notice in
      let words = notice.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      return StyledText("! \(words)", .bad)
    }
  }

  private func configuration(_ trial: TrialNumber) -> String {
    Shown.configuration(state.history.configuration(trial), in: state.spec.space, exact: false)
  }
}
