import CSystem
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a tuning process needs to know beyond the study itself.
public struct TunerSettings: Sendable {
  /// Trials at a time.
  public var parallel: Int
  /// The folder in which commands start: that of the study file.
  public var workingDirectory: String
  /// The folder that holds a folder for each trial.
  public var trialsFolder: String
  /// This program, which is started again as the guard with `guardArguments`.
  public var executable: String
  public var guardArguments: [String]
  /// The environment that trials inherit.
  public var environment: [(name: String, value: String)]
  /// How many trials to run here, at most, not counting again those that go on; nil leaves that to the study's budget. The study's
  /// schedule is the same with it.
  public var maximumTrials: Int?

  public init(
    parallel: Int, workingDirectory: String, trialsFolder: String, executable: String, guardArguments: [String],
    environment: [(name: String, value: String)]
  ) {
    self.parallel = parallel
    self.workingDirectory = workingDirectory
    self.trialsFolder = trialsFolder
    self.executable = executable
    self.guardArguments = guardArguments
    self.environment = environment
  }
}

/// What happens while a study is tuned.
public enum TunerEvent: Sendable {
  case started(TrialRun)
  case reported(TrialNumber, resource: Double?, [MetricValue])
  case ended(TrialNumber)
  /// Something a person should know of; the study goes on.
  case notice(String)
}

/// How tuning ended.
public enum TunerOutcome: Sendable, Equatable {
  /// Nothing is left to do.
  case finished(String)
  /// A person asked for the end; the study goes on later.
  case interrupted
}

/// Runs a study's trials as processes: asks, starts, follows, stops and records them.
///
/// One thread, one poll(2); the thread that calls `run` must live as long as the trials (see `TrialProcess`).
public final class Tuner {
  public let session: Session
  private let settings: TunerSettings
  private let onEvent: (TunerEvent) -> Void
  private let onIdle: (Tuner) -> Void
  private let spec: StudySpec
  private let pattern: OutputPattern?
  private var active: [(trial: RunningTrial, process: TrialProcess)] = []
  /// Processes that are frozen in place, by trial, each with the resource that it was told to reach.
  private var frozen: [TrialNumber: (process: TrialProcess, told: Double?)] = [:]
  private var processGuard: ProcessGuard?
  private var now = MonotonicTime.now()
  private var nextAsk = MonotonicTime(nanoseconds: 0)
  private var nextMemoryCheck = MonotonicTime(nanoseconds: 0)
  private var finishedReason: String?
  private var storeTroubleSince: MonotonicTime?
  private var nextStoreAttempt = MonotonicTime(nanoseconds: 0)
  /// The trials that ever ran here.
  private var trialsRunHere: Set<TrialNumber> = []
  private var launchFailures = 0
  /// Whether it was said that a trial ended below what it was to reach.
  private var hasSaidEarlyEnd = false
  private var hasSeenCheckpoint = false
  private var hasSaidNoCheckpoint = false

  /// How often a waiting worker looks for what other processes did.
  private static let idlePause = Duration.milliseconds(200)
  /// How long the store may fail before the study ends.
  private static let storePatience = Duration.seconds(60)
  /// Commands that cannot be started, one after the other, before the study ends: it would be the same for every trial.
  private static let maximumLaunchFailures = 3

  /// - Parameters:
  ///   - onEvent: called when something happened, after it was recorded.
  ///   - onIdle: called in every round of the loop, at least five times a second.
  /// - Throws: `LaunchError` when the guard cannot be started, `StoreError` when the store cannot be written.
  public init(
    session: Session, settings: TunerSettings, onEvent: @escaping (TunerEvent) -> Void = { _ in },
    onIdle: @escaping (Tuner) -> Void = { _ in }
  ) throws {
    self.session = session
    self.settings = settings
    self.onEvent = onEvent
    self.onIdle = onIdle
    let spec = session.state.spec
    self.spec = spec
    pattern = try spec.outputPattern.map { text in
      try OutputPattern.compile(text, fidelity: spec.fidelity?.name, objectives: spec.objectives.map(\.metric))
    }
    try session.announce()
    processGuard = try ProcessGuard.start(
      executable: settings.executable, arguments: settings.guardArguments, inheriting: session.livenessDescriptor)
  }

  /// The trials that run here now, with the seconds of their present run.
  public var runningHere: [(trial: TrialNumber, seconds: Double)] {
    active.map { ($0.trial.run.trial, $0.trial.seconds(until: now)) }
  }

  /// How often a person has asked for the end.
  public private(set) var interruptions = 0

  /// Whether a person has asked for the end.
  public var isInterrupted: Bool { interruptions > 0 }

  /// Asks for the end: the first time, running trials may finish; the second time they are stopped, saving what their
  /// checkpoints save; the third time they are ended at once. To be called on the loop's thread, from `onIdle`.
  public func interrupt() {
    interruptions += 1
    for i in active.indices where interruptions > 1 {
      active[i].trial.end(.release)
      active[i].process.stop(grace: interruptions > 2 ? .zero : .seconds(spec.limits.grace), now: now)
    }
    if interruptions > 2 { for (process, _) in frozen.values { process.stop(grace: .zero, now: now) } }
  }

  /// Works on the study until nothing is left to do or a person ends it.
  /// - Throws: `StoreError` when the store stays unusable, `LaunchError` when trials cannot be started at all, `SpaceError`
  ///   when no configuration satisfies the constraints. Trials that run are stopped and given back first.
  public func run() throws -> TunerOutcome {
    defer { endFrozen() }
    do {
      while true {
        now = .now()
        try fill()
        if active.isEmpty {
          if let finishedReason { return .finished(finishedReason) }
          if interruptions > 0 { return .interrupted }
        }
        try wait()
        onIdle(self)
      }
    } catch {
      windUp()
      throw error
    }
  }

  // MARK: Asking and starting

  private func fill() throws {
    while active.count < settings.parallel, interruptions == 0, finishedReason == nil, now >= nextAsk,
      now >= nextStoreAttempt
    {
      let mayStartNew = settings.maximumTrials.map { trialsRunHere.count < $0 } ?? true
      let answer: Ask
      do {
        answer = try session.ask(mayStartNew: mayStartNew, isFrozenHere: { self.frozen[$0] != nil })
      } catch let error as StoreError {
        try endure(error)
        return
      }
      storeWorks()
      switch answer {
      case .run(let run):
        trialsRunHere.insert(run.trial)
        try start(run)
      case .wait: nextAsk = now.advanced(by: Self.idlePause)
      case .finished(let reason) where mayStartNew: finishedReason = reason
      case .finished:
        // What runs here may be sent on when it has paused.
        if active.isEmpty { finishedReason = enoughRunHere } else { nextAsk = now.advanced(by: Self.idlePause) }
      }
    }
  }

  private var enoughRunHere: String {
    "\(trialsRunHere.count) trial\(trialsRunHere.count == 1 ? " has" : "s have") been run, as asked for"
  }

  private func start(_ run: TrialRun) throws {
    let folder = TrialFolder(root: settings.trialsFolder, trial: run.trial)
    if let (process, told) = frozen.removeValue(forKey: run.trial) {
      process.thaw()
      var trial = RunningTrial(run: run, folder: folder, startedAt: now)
      trial.told = told
      active.append((trial, process))
      onEvent(.started(run))
      return
    }
    var run = run
    do {
      let space = session.state.spec.space
      try folder.prepare(configuration: space.json(of: run.configuration).text)
      let hasCheckpoint = folder.hasCheckpoint
      // Folds and seeds need nothing of each other: the next one is run without any checkpoint.
      let needsCheckpoint = session.state.spec.fidelity?.countsReplicates != true
      if run.reached > 0, needsCheckpoint, !hasCheckpoint {
        noticeMissingCheckpoint(run.trial)
        run.reached = 0
      }
      hasSeenCheckpoint = hasSeenCheckpoint || hasCheckpoint
      if let missing = missingCheckpoint(run) {
        try session.fail(run.trial, .crash, message: missing, seconds: 0)
        onEvent(.ended(run.trial))
        return
      }
      let launch = try makeLaunch(run, folder, space)
      let process = try spawn(launch)
      launchFailures = 0
      var trial = RunningTrial(run: run, folder: folder, startedAt: now)
      trial.hadCheckpoint = hasCheckpoint
      trial.told = resourceToTell(run)
      active.append((trial, process))
      onEvent(.started(run))
    } catch {
      guard error is LaunchError || error is StoreFolderError || error is SpaceError else { throw error }
      let message = String(describing: error)
      // It is no fault of the configuration: the trial waits until the command can be started.
      try session.release(run.trial, seconds: 0)
      onEvent(.notice("trial \(run.trial) could not be started: \(message)"))
      launchFailures += 1
      if launchFailures >= Self.maximumLaunchFailures { throw error }
      nextAsk = now.advanced(by: .seconds(1))
    }
  }

  /// A program that saves nothing, as one for which the resource is a share of the data, is told so once; where others have saved
  /// something, each loss is news.
  private func noticeMissingCheckpoint(_ trial: TrialNumber) {
    let text = "trial \(trial) has no checkpoint and starts again from the beginning"
    if hasSeenCheckpoint {
      onEvent(.notice(text))
    } else if !hasSaidNoCheckpoint {
      hasSaidNoCheckpoint = true
      onEvent(.notice(text + ", as will all others that leave none (this is said once)"))
    }
  }

  /// What a trial lacks of the checkpoints that it is to learn from; nil when they are there.
  private func missingCheckpoint(_ run: TrialRun) -> String? {
    for parent in run.lineage?.trials ?? [] {
      let folder = TrialFolder(root: settings.trialsFolder, trial: parent)
      if !folder.hasCheckpoint {
        return
          "trial \(run.trial) is to learn from trial \(parent), whose checkpoint folder \(folder.checkpoint) is empty: "
          + "the command has to save its model in TRIMTAB_CHECKPOINT"
      }
    }
    return nil
  }

  private func spawn(_ launch: Launch) throws -> TrialProcess {
    do {
      return try TrialProcess(launch: launch, guardedBy: processGuard)
    } catch {
      guard error == .guardLost else { throw error }
    }
    _ = try processGuard?.restartIfLost()
    return try TrialProcess(launch: launch, guardedBy: processGuard)
  }

  /// The resource that a process is told to reach. Nothing reaches one that is frozen: it is told the full resource, and frozen
  /// where its trial is judged, so that it goes on from there when it is thawed.
  private func resourceToTell(_ run: TrialRun) -> Double? {
    guard let target = run.target, let fidelity = session.state.spec.fidelity, fidelity.pause == .freeze else {
      return run.target
    }
    return max(target, fidelity.maximum)
  }

  private static let studentVariable = "TRIMTAB_STUDENT_CHECKPOINT"
  private static let teacherVariable = "TRIMTAB_TEACHER_CHECKPOINT"

  private func makeLaunch(_ run: TrialRun, _ folder: TrialFolder, _ space: Space) throws -> Launch {
    let spec = session.state.spec
    let resource = resourceToTell(run).map(JSONValue.plainText) ?? ""
    let builtins = [
      "trial": String(run.trial), "seed": String(run.seed), "attempt": String(run.attempt), "resource": resource,
      "checkpoint": folder.checkpoint, "config": folder.configuration, "report": folder.report,
    ]
    var variables: [(name: String, value: String)] = [
      ("TRIMTAB_STUDY", spec.name), ("TRIMTAB_TRIAL", String(run.trial)), ("TRIMTAB_ATTEMPT", String(run.attempt)),
      ("TRIMTAB_SEED", String(run.seed)), ("TRIMTAB_CONFIG", folder.configuration), ("TRIMTAB_REPORT", folder.report),
      ("TRIMTAB_CHECKPOINT", folder.checkpoint), ("TRIMTAB_STOP", folder.stop),
    ]
    if run.target != nil {
      variables.append(("TRIMTAB_RESOURCE", resource))
      variables.append(("TRIMTAB_RESOURCE_FROM", JSONValue.plainText(run.reached)))
    }
    for (name, parent) in [(Self.studentVariable, run.lineage?.student), (Self.teacherVariable, run.lineage?.teacher)] {
      guard let parent else { continue }
      variables.append((name, TrialFolder(root: settings.trialsFolder, trial: parent).checkpoint))
    }
    if let fidelity = spec.fidelity { variables.append(("TRIMTAB_FIDELITY", fidelity.name)) }
    for (name, value) in space.values(of: run.configuration) {
      variables.append((CommandTemplate.variableName(of: name), value.description))
    }
    // A trial that learns from nobody must not take over what the tuner itself was given.
    let own = Set(variables.map(\.name)).union([Self.studentVariable, Self.teacherVariable])
    var environment = settings.environment.filter { spec.environment[$0.name] == nil && !own.contains($0.name) }
    environment += spec.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    environment += variables
    var launch = Launch(
      arguments: try CommandTemplate.expand(
        command: spec.command, space: space, configuration: run.configuration, builtins: builtins),
      environment: environment, workingDirectory: settings.workingDirectory, logPath: folder.output,
      logLimitBytes: spec.limits.log, reportPath: folder.report, stopPath: folder.stop)
    launch.wantsOutputLines = pattern != nil
    // If the machine runs out of memory, a trial should go before the program that records it.
    launch.limits.oomScoreAdjustment = 500
    return launch
  }

  // MARK: The loop

  private func wait() throws {
    var deadline = now.advanced(by: Self.idlePause)
    var polled: [pollfd] = []
    for (trial, process) in active {
      for descriptor in process.descriptors { polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
      if let due = process.deadline { deadline = min(deadline, due) }
      if let due = trial.patienceEnds { deadline = min(deadline, due) }
    }
    if let descriptor = processGuard?.descriptor {
      polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
    let mayAsk = active.count < settings.parallel && interruptions == 0 && finishedReason == nil
    if mayAsk, nextAsk > now { deadline = min(deadline, nextAsk) }
    _ = poll(&polled, nfds_t(polled.count), deadline.pollTimeout(from: now))
    now = .now()
    let ready = Set(polled.filter { $0.revents != 0 }.map(\.fd))
    if let descriptor = processGuard?.descriptor, ready.contains(descriptor), try processGuard?.restartIfLost() == true
    {
      onEvent(.notice("the guard process had died and was started again"))
    }
    for i in active.indices {
      for descriptor in active[i].process.descriptors where ready.contains(descriptor) {
        for event in active[i].process.handleReadable(descriptor, now: now) { take(event, i) }
      }
      for event in active[i].process.tick(now: now) { take(event, i) }
      checkTime(i)
    }
    checkMemory()
    try record()
  }

  private func take(_ event: ProcessEvent, _ i: Int) {
    let number = active[i].trial.run.trial
    switch event {
    case .reportLine(let line):
      do {
        switch try ReportLine.parse(line, fidelity: spec.fidelity) {
        case .metrics(let resource, let metrics): takeReport(resource, metrics, i)
        case .reject(let reason): end(i, .rejected(reason))
        case .fail(let reason): end(i, .reportedFailure(reason))
        }
      } catch {
        noticeUnreadable(i, "a report of trial \(number) was not understood: \(error.message): \(line.prefix(200))")
      }
    case .outputLine(let bytes):
      if let pattern, let found = pattern.match(String(decoding: bytes, as: UTF8.self)) {
        let name = spec.fidelity?.name
        takeReport(
          found.first { $0.name == name }?.value,
          found.filter { $0.name != name }.map { MetricValue($0.name, $0.value) }, i)
      }
    case .oversizedLine(_, let beginning):
      noticeUnreadable(i, "trial \(number) wrote a line that is too long: \(beginning.prefix(80))…")
    case .problem(let problem): onEvent(.notice("trial \(number): \(problem)"))
    case .exited(let status): active[i].trial.exit = status
    }
  }

  /// The first few are shown; a trial that writes rubbish must not flood the terminal.
  private func noticeUnreadable(_ i: Int, _ text: String) {
    active[i].trial.unreadableLines += 1
    switch active[i].trial.unreadableLines {
    case 1...3: onEvent(.notice(text))
    case 4: onEvent(.notice("trial \(active[i].trial.run.trial): further unreadable lines are not shown"))
    default: break
    }
  }

  private func takeReport(_ resource: Double?, _ metrics: [MetricValue], _ i: Int) {
    if let resource, !(resource.isFinite && resource > 0) {
      noticeUnreadable(
        i,
        "a report of trial \(active[i].trial.run.trial) has the resource \(JSONValue.plainText(resource)), which must be above 0"
      )
      return
    }
    active[i].trial.hasReported = true
    active[i].trial.pendingReports.append((resource, metrics))
  }

  private func end(_ i: Int, _ reason: RunningTrial.Ending) {
    active[i].trial.end(reason)
    active[i].process.stop(grace: .seconds(spec.limits.grace), now: now)
  }

  private func checkTime(_ i: Int) {
    guard active[i].trial.exit == nil else { return }
    if let limit = session.state.spec.limits.seconds, active[i].trial.ending == nil,
      active[i].trial.seconds(until: now) >= limit
    {
      end(i, .timeout)
    }
    if let patience = active[i].trial.patienceEnds, now >= patience {
      active[i].trial.patienceEnds = nil
      active[i].process.stop(grace: .seconds(spec.limits.grace), now: now)
    }
  }

  private func checkMemory() {
    guard let limit = session.state.spec.limits.memory, now >= nextMemoryCheck, !active.isEmpty else { return }
    nextMemoryCheck = now.advanced(by: .milliseconds(250))
    guard let used = ProcessTable.read()?.residentBytesByGroup() else { return }
    for i in active.indices where active[i].trial.exit == nil && active[i].trial.ending == nil {
      if let bytes = used[active[i].process.processGroup], bytes > UInt64(limit) {
        active[i].trial.end(.outOfMemory(bytes: bytes))
        active[i].process.stop(grace: .zero, now: now)
      }
    }
  }

  // MARK: Recording

  /// Records what has arrived and ended. What the store refuses for now is kept and tried again.
  private func record() throws {
    guard now >= nextStoreAttempt else { return }
    do {
      for i in active.indices.reversed() {
        try recordReports(i)
        if active[i].trial.exit == nil, active[i].process.isFrozen {
          let (trial, process) = active[i]
          try session.pause(trial.run.trial, isFrozen: true, seconds: trial.seconds(until: now))
          storeWorks()
          frozen[trial.run.trial] = (process, trial.told)
          active.remove(at: i)
          nextAsk = now
          onEvent(.ended(trial.run.trial))
        } else if active[i].trial.exit != nil {
          try recordEnd(i)
          storeWorks()
          let number = active[i].trial.run.trial
          active.remove(at: i)
          nextAsk = now
          onEvent(.ended(number))
        }
      }
    } catch let error as StoreError {
      try endure(error)
    }
  }

  /// Something was written: trouble, if there was any, is over.
  private func storeWorks() {
    guard storeTroubleSince != nil else { return }
    storeTroubleSince = nil
    onEvent(.notice("the store can be written again"))
  }

  /// A full or busy disk may recover; trials go on meanwhile.
  private func endure(_ error: StoreError) throws {
    guard [.full, .busy, .other].contains(error.kind) else { throw error }
    nextStoreAttempt = now.advanced(by: .seconds(1))
    guard let since = storeTroubleSince else {
      storeTroubleSince = now
      onEvent(.notice("\(error); results are kept and written as soon as that is possible"))
      return
    }
    guard now < since.advanced(by: Self.storePatience) else { throw error }
  }

  private func recordReports(_ i: Int) throws {
    let reports = active[i].trial.pendingReports
    guard !reports.isEmpty else { return }
    let number = active[i].trial.run.trial
    let verdict: Verdict
    do {
      verdict = try session.report(number, reports)
      storeWorks()
    } catch let error as SessionError where error.kind == .invalidReport && reports.count > 1 {
      // How many reports come together is chance: those before an impossible one count.
      for report in reports where active[i].trial.ending == nil || active[i].trial.exit != nil {
        active[i].trial.pendingReports = [report]
        try recordReports(i)
      }
      active[i].trial.pendingReports = []
      return
    } catch let error as SessionError {
      active[i].trial.pendingReports = []
      if error.kind == .notRunning {
        onEvent(.notice(error.message))
        active[i].trial.end(.disowned)
        active[i].process.stop(grace: .zero, now: now)
      } else {
        noticeUnreadable(i, "trial \(number): \(error.message)")
      }
      return
    }
    active[i].trial.pendingReports = []
    for report in reports {
      if let resource = report.resource { active[i].trial.reached = max(active[i].trial.reached, resource) }
      onEvent(.reported(number, resource: report.resource, report.metrics))
    }
    if let problem = invalidObjective(reports) {
      end(i, .invalidValue(problem))
    } else if active[i].trial.exit == nil {
      decide(verdict, i)
    }
  }

  /// The first objective that is no finite number, in words. How many reports arrive together, and whether the trial has
  /// ended by then, is chance.
  private func invalidObjective(_ reports: [(resource: Double?, metrics: [MetricValue])]) -> String? {
    for metric in reports.lazy.flatMap({ $0.metrics }) where !metric.value.isFinite {
      if spec.objectives.contains(where: { $0.metric == metric.name }) {
        return "the objective '\(metric.name)' is \(JSONValue.plainText(metric.value))"
      }
    }
    return nil
  }

  private func decide(_ verdict: Verdict, _ i: Int) {
    guard active[i].trial.ending == nil else { return }
    if let fidelity = session.state.spec.fidelity, active[i].trial.isComplete(fidelity) {
      active[i].trial.end(.targetReached)
      active[i].trial.patienceEnds = now.advanced(by: .seconds(spec.limits.grace))
      return
    }
    switch verdict {
    case .proceed: break
    case .stop: end(i, .verdict)
    case .pause:
      active[i].trial.end(.targetReached)
      if session.state.spec.fidelity?.pause == .freeze {
        active[i].process.freeze()
      } else {
        active[i].trial.patienceEnds = now.advanced(by: .seconds(spec.limits.grace))
      }
    }
  }

  private func recordEnd(_ i: Int) throws {
    let (trial, _) = active[i]
    guard let status = trial.exit else { return }
    let number = trial.run.trial
    let seconds = trial.seconds(until: now)
    if !status.groupHasGone {
      onEvent(.notice("trial \(number): a process withstood SIGKILL and may still run"))
    }
    do {
      let hasObjective = session.state.trials[number].hasReportedObjective
      switch trial.outcome(
        status, fidelity: session.state.spec.fidelity, hasObjective: hasObjective,
        lastOutput: trial.folder.lastOutput())
      {
      case .nothing: break
      case .completed:
        try noteWeights(of: trial)
        try session.complete(number, seconds: seconds)
      case .endedEarly:
        try noteWeights(of: trial)
        try recordEarlyEnd(of: trial, seconds: seconds)
      case .paused:
        try noteWeights(of: trial)
        try session.pause(number, seconds: seconds)
      case .stopped: try session.stop(number, seconds: seconds)
      case .released: try session.release(number, seconds: seconds)
      case .outrun:
        try trial.folder.setCheckpointAside()
        try session.release(number, seconds: seconds)
        onEvent(
          .notice("trial \(number) had saved more than it had reported when its tuner died; it begins again"))
      case .failed(let kind, let message): try session.fail(number, kind, message: message, seconds: seconds)
      }
    } catch let error as SessionError {
      // Declared lost meanwhile: another worker has it now.
      onEvent(.notice(error.message))
    }
  }

  /// Records a trial that ended by itself below what it was to reach: it has nothing to go on with, and counts as complete. A
  /// mean over fewer folds or seeds than were asked for is no result to compare with others.
  private func recordEarlyEnd(of trial: RunningTrial, seconds: Double) throws {
    let number = trial.run.trial
    // The verdict was not waited for.
    if session.verdict(on: number) == .stop {
      try session.stop(number, seconds: seconds)
      return
    }
    guard let fidelity = session.state.spec.fidelity else {
      try session.complete(number, seconds: seconds)
      return
    }
    let target = trial.run.target ?? fidelity.maximum
    let (reached, asked) = (JSONValue.plainText(trial.reached), JSONValue.plainText(target))
    if fidelity.countsReplicates, session.state.trials[number].hasReportedObjective {
      let message = "it ended with status 0 after \(fidelity.name) \(reached), and was to run up to \(asked)"
      return try session.fail(number, .crash, message: message, seconds: seconds)
    }
    try session.complete(number, seconds: seconds)
    guard trial.reached > 0, !Fidelity.reaches(target, fidelity.maximum), !hasSaidEarlyEnd else { return }
    hasSaidEarlyEnd = true
    onEvent(
      .notice(
        "trial \(number) ended at \(fidelity.name) \(reached), was asked for \(asked), and counts as complete, so that "
          + "it cannot go on: let the command run up to TRIMTAB_RESOURCE, and report \(fidelity.name) with more digits if it "
          + "does (this is said once)"))
  }

  /// Keeps a summary of the weights that a trial saved, for a method that learns from it. A file that cannot be read is said, and
  /// the trial counts as one without weights.
  private func noteWeights(of trial: RunningTrial) throws {
    guard WeightSummary.isWanted(by: session.state.spec), trial.reached > 0 else { return }
    let number = trial.run.trial
    do {
      guard let summary = try CheckpointWeights.summary(of: trial.folder.checkpoint) else { return }
      try session.note(number, WeightSummary.key(trial.reached), summary.text)
    } catch let error as TensorFileError {
      onEvent(.notice("the weights of trial \(number) are not used: \(error)"))
    }
  }

  // MARK: Ending

  /// Stops and gives back everything, as well as the circumstances allow.
  private func windUp() {
    for i in active.indices {
      active[i].trial.end(.release)
      active[i].process.stop(grace: .seconds(min(spec.limits.grace, 5)), now: now)
    }
    let limit = now.advanced(by: .seconds(10))
    while !active.isEmpty, now < limit {
      var polled = active.flatMap { $0.process.descriptors }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      _ = poll(&polled, nfds_t(polled.count), 50)
      now = .now()
      for i in active.indices.reversed() {
        for descriptor in active[i].process.descriptors {
          for event in active[i].process.handleReadable(descriptor, now: now) { take(event, i) }
        }
        for event in active[i].process.tick(now: now) { take(event, i) }
        guard active[i].trial.exit != nil else { continue }
        try? recordReports(i)
        try? recordEnd(i)
        active.remove(at: i)
      }
    }
  }

  /// Frozen processes cannot outlive this one. Their trials stay paused and go on from their checkpoints.
  private func endFrozen() {
    let grace = interruptions > 2 ? Duration.zero : .seconds(spec.limits.grace)
    for (process, _) in frozen.values { process.stop(grace: grace, now: now) }
    let limit = now.advanced(by: grace + .seconds(5))
    while frozen.contains(where: { $0.value.process.status == nil }), now < limit {
      usleep(10_000)
      now = .now()
      onIdle(self)
      for (process, _) in frozen.values {
        for descriptor in process.descriptors { _ = process.handleReadable(descriptor, now: now) }
        _ = process.tick(now: now)
      }
    }
    frozen = [:]
    processGuard?.end()
    // What cannot be written now is found by the next process.
    try? session.recordFrozenEnded()
  }
}
