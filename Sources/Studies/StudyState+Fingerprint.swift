import TrimtabNumerics
import TrimtabSearchSpaces

extension StudyState {
  /// One number for everything the state holds: equal states have equal fingerprints, in every process and on every
  /// machine. Numbers are compared by their bits, so that a NaN equals itself and 0 differs from −0.
  public var fingerprint: UInt64 { fieldFingerprints.reduce(stableHash("study state")) { mix($0, $1.value) } }

  /// The names of the fields in which two states differ; empty when they are equal.
  public func differences(from other: StudyState) -> [String] {
    let (own, others) = (fieldFingerprints, other.fieldFingerprints)
    let theirs = Dictionary(uniqueKeysWithValues: others.map { ($0.field, $0.value) })
    let names = Set(own.map(\.field))
    return own.filter { theirs[$0.field] != $0.value }.map(\.field)
      + others.map(\.field).filter { !names.contains($0) }
  }

  /// A fingerprint of each field, in a fixed order. Every stored property of the state is among them.
  ///
  /// Fields that came with later versions are left out while they are empty, so that a log that has nothing of them keeps
  /// the fingerprint that it had.
  public var fieldFingerprints: [(field: String, value: UInt64)] {
    originalFingerprints + laterFingerprints
  }

  private var laterFingerprints: [(field: String, value: UInt64)] {
    var fields: [(field: String, value: UInt64)] = []
    if !earlierStudies.isEmpty {
      var digest = Digest()
      for study in earlierStudies { digest.add(study) }
      fields.append(("earlierStudies", digest.value))
    }
    if weakenedCount > 0 {
      var digest = Digest()
      for trial in trials.indices where trials[trial].isWeakened { digest.add(trial) }
      fields.append(("weakenedCount", digest.value))
    }
    if !lineages.isEmpty {
      var digest = Digest()
      for (trial, lineage) in lineages.sorted(by: { $0.key < $1.key }) {
        digest.add([trial, lineage.student ?? -1, lineage.teacher ?? -1])
      }
      fields.append(("lineages", digest.value))
    }
    if !history.proposals.isEmpty {
      var digest = Digest()
      for (row, proposal) in history.proposals.sorted(by: { $0.key < $1.key }) {
        digest.add(row)
        digest.add(proposal.slots)
      }
      fields.append(("proposals", digest.value))
    }
    if !interrupted.isEmpty {
      var digest = Digest()
      digest.add(interrupted)
      fields.append(("interrupted", digest.value))
    }
    if let stopReason { fields.append(("stopReason", stableHash(stopReason))) }
    return fields
  }

  private var originalFingerprints: [(field: String, value: UInt64)] {
    func digest(_ body: (inout Digest) -> Void) -> UInt64 {
      var digest = Digest()
      body(&digest)
      return digest.value
    }
    return [
      ("specification", stableHash(spec.json.text)),
      ("revision", UInt64(revision)),
      ("eventCount", UInt64(eventCount)),
      ("trials", digest { digest in for trial in trials { digest.add(trial) } }),
      ("history", digest { $0.add(history) }),
      (
        "curves",
        digest { digest in for (trial, curve) in curves.sorted(by: { $0.key < $1.key }) { digest.add(trial, curve) } }
      ),
      (
        "otherMetrics",
        digest { digest in
          for (trial, metrics) in otherMetrics.sorted(by: { $0.key < $1.key }) { digest.add(trial, metrics) }
        }
      ),
      (
        "notes",
        digest { digest in
          for (trial, notes) in notes.sorted(by: { $0.key < $1.key }) { digest.add(trial, notes) }
          digest.add(-1, studyNotes)
        }
      ),
      ("queue", digest { $0.add(queue) }),
      ("running", digest { $0.add(running) }),
      ("counts", digest { $0.add(counts) }),
      ("failureCounts", digest { $0.add(failureCounts) }),
      ("fallbackCount", UInt64(fallbackCount)),
      ("incumbent", digest { $0.add(incumbent ?? -1) }),
      ("incumbentIsComplete", incumbentIsComplete ? 1 : 0),
      ("incumbentChanges", digest { digest in for change in incumbentChanges { digest.add(change) } }),
      ("activeMilliseconds", digest { $0.add(Int(activeMilliseconds)) }),
      ("totalCost", digest { $0.add(totalCost) }),
      ("totalResource", digest { $0.add(totalResource) }),
      ("createdAt", digest { $0.add(Int(createdAt)) }),
      ("latestTime", digest { $0.add(Int(latestTime)) }),
      ("lastEventTime", digest { $0.add(Int(lastEventTime)) }),
      ("finalCostSum", digest { $0.add(finalCostSum) }),
      ("finalCostCount", UInt64(finalCostCount)),
    ]
  }
}

/// Numbers and texts, one after the other, as one number.
private struct Digest {
  private(set) var value = stableHash("digest")

  mutating func add(_ word: UInt64) { value = mix(value, word) }

  mutating func add(_ study: EarlierStudy) {
    add(stableHash(study.name))
    add(study.trials.count)
    for trial in study.trials {
      add(trial.configuration.slots)
      add(trial.value)
    }
    for remark in study.remarks { add(stableHash(remark)) }
  }

  mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

  mutating func add(_ number: Double) { add(number.bitPattern) }

  mutating func add(_ numbers: [Int]) {
    add(numbers.count)
    for number in numbers { add(number) }
  }

  mutating func add(_ numbers: [Double]) {
    add(numbers.count)
    for number in numbers { add(number) }
  }

  mutating func add(_ trial: Trial) {
    add(Int(trial.state.rawValue))
    add(Int(trial.failure?.rawValue ?? .max))
    add(Int(trial.stopReason?.rawValue ?? .max))
    add(trial.origin?.rawValue ?? -1)
    add(trial.isFrozen ? 1 : 0)
    add(trial.hasReportedObjective ? 1 : 0)
    for count in [trial.failures, trial.losses, trial.runs] { add(Int(count)) }
    for number in [trial.bracket, trial.parent] { add(Int(number)) }
    add(trial.worker)
    for time in [trial.proposedAt, trial.startedAt, trial.endedAt, trial.notBefore] { add(Int(time)) }
    for number in [trial.target, trial.resource, trial.value, trial.seconds, trial.reportedCost] { add(number) }
    // Of a trial that is complete it follows from the rest.
    if trial.state != .completed, trial.wasCompleted { add(trial.completedLevel) }
  }

  mutating func add(_ history: History) {
    add(history.rowCount)
    add(history.distinctCount)
    for column in history.slots { add(column) }
    for column in history.units { add(column) }
  }

  mutating func add(_ trial: TrialNumber, _ curve: Curve) {
    add(trial)
    add(curve.resources)
    add(curve.values)
    if !curve.replicates.isEmpty { add(curve.replicates) }
  }

  mutating func add(_ trial: TrialNumber, _ metrics: [MetricValue]) {
    add(trial)
    add(metrics.count)
    for metric in metrics {
      add(stableHash(metric.name))
      add(metric.value)
    }
  }

  mutating func add(_ trial: TrialNumber, _ notes: [String: String]) {
    add(trial)
    add(notes.count)
    for (key, value) in notes.sorted(by: { $0.key < $1.key }) {
      add(stableHash(key))
      add(stableHash(value))
    }
  }

  mutating func add(_ change: StudyState.IncumbentChange) {
    add(change.trial)
    add(change.value)
    add(change.resource)
    add(Int(change.time))
    add(change.trialCount)
  }
}
