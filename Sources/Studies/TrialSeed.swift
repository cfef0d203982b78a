import TrimtabNumerics

/// The seed given to a trial, in 0 ..< 2³¹: the same in all its runs, different between trials and studies.
public func trialSeed(study: UInt64, trial: TrialNumber) -> Int {
  var stream = RandomStream(seed: study, purpose: stableHash("trial seed"), index: UInt64(trial))
  return Int(stream.next() >> 33)
}
