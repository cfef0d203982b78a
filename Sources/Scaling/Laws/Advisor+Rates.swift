/// The laws of rates and batches.
extension Advisor {
  static let stepLaw: Law = { advisor, run in
    guard let n = run.parameters, let d = run.tokens else { return missing("parameters and tokens") }
    let isRouted = run.activeParameters != nil || run.experts != nil
    var report = LawReport(
      law: "step-law", title: isRouted ? "Step Law (mixture of experts)" : "Step Law",
      source: "Li and others 2025, arXiv 2503.04715",
      units: "N: parameters without embeddings and head, of all experts; D, B: tokens", optimizer: "AdamW",
      schedule: "warm-up, cosine to a final rate of 1e-5")
    let law = StepLaw.printed
    let intervals = StepLaw.intervals(advisor.stepLawVectors, parameters: n, tokens: d)
    report.estimates = [
      Estimate(
        .learningRate, law.learningRate(parameters: n, tokens: d), interval: intervals?.learningRate,
        note: "at the batch below"),
      Estimate(.batch, law.batch(tokens: d), "tokens", interval: intervals?.batch),
      Estimate(.warmup, 2000, "steps", note: "as in its runs"),
    ]
    if let batch = run.batchTokens {
      report.estimates.append(
        Estimate(
          .learningRate, StepLaw.learningRate(parameters: n, tokens: d, batch: batch),
          note: "at your batch of \(shown(batch)) tokens: (B/B_opt)^0.3, from the same grid, not the authors'"))
    }
    report.ranges =
      isRouted
      ? [RangeCheck("N", "parameters", n, 2.15e9, 2.15e9), RangeCheck("D", "tokens", d, 2e9, 2e10)]
      : [
        RangeCheck("N", "parameters", n, 2.1466e8, 1.0738e9), RangeCheck("D", "tokens", d, 4e9, 1e11),
        RangeCheck("D/N", "tokens a parameter", d / n, 18.6, 466),
      ]
    if isRouted, let active = run.activeParameters {
      report.ranges.append(RangeCheck("N_active/N", "", active / n, 0.087, 0.576))
    }
    report.assumptions = [
      "a final rate of 1e-5, not a tenth of the peak", "one epoch, sequences of 2048 tokens",
      "the rate is 0.1 % of the loss from the best within a factor of 1.4 or so",
    ]
    report.notes = run.optimizerNote + run.scheduleNote(.cosine)
    report.unconfirmed = ["warm-up of 2000 steps, betas 0.9 and 0.95, weight decay 0.1 and clipping at 1 in its runs"]
    return .success(report)
  }

  static let powerLines: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens else { return missing("parameters and tokens") }
    var report = LawReport(
      law: "power-lines", title: "Power Lines", source: "Bergsma and others 2025, arXiv 2505.13738",
      units: "N: parameters; D: tokens; B: sequences of 2048 tokens", optimizer: "AdamW with muP",
      schedule: "linear to 0")
    let length = PowerLines.sequenceLength
    let tau = PowerLines.bestTimescale(tokensPerParameter: d / n)
    let best = PowerLines.bestBatchSequences(tokens: d)
    let critical = PowerLines.criticalBatchSequences(leastTokens: d)
    report.estimates = [
      Estimate(.timescale, tau, "of the run"),
      Estimate(.batch, best * length, "tokens", note: "\(shown(best)) sequences of 2048"),
      Estimate(
        .criticalBatch, critical * length, "tokens", note: "\(shown(critical)) sequences of 2048, with D as D_min"),
      Estimate(
        .tokensForSpeed, PowerLines.tokens(least: d, batch: 1, criticalBatch: 1), "tokens",
        note: "for the same loss in twice the least steps"),
      Estimate(.warmup, d / 10, "tokens", note: "as in its runs"),
    ]
    if let rate = run.learningRate {
      let batch = run.batchTokens ?? best * length
      report.estimates.append(
        Estimate(
          .weightDecay, PowerLines.weightDecay(learningRate: rate, batch: batch, tokens: d, timescale: tau),
          note: "multiplied by the rate \(shown(rate)), at \(shown(batch)) tokens a step"))
      report.estimates.append(Estimate(.timescaleSteps, tau * d / batch, "steps", note: "1/(rate × decay)"))
      if let decay = run.weightDecay, decay > 0 {
        let own = PowerLines.timescale(learningRate: rate, weightDecay: decay, batch: batch, tokens: d)
        report.notes.append(
          "your rate and decay have a timescale of \(shown(own)) of the run; the law's is \(shown(tau))")
      }
      if batch > critical * length {
        report.notes.append("above the critical batch the decay no longer grows with the batch")
      }
    } else {
      report.notes.append("weight decay: give the peak rate of the hidden matrices, after the muP factor")
    }
    report.unconfirmed = [
      "the coefficient 0.0471 of the critical batch", "the schedule (linear to 0, 10 % warm-up) of its runs",
    ]
    report.ranges = [RangeCheck("N", "parameters", n, 1.11e8, 3.3e9)]
    report.assumptions = [
      "one epoch", "decoupled decay multiplied by the rate, as in PyTorch",
      "when B or D change, change the decay, not the rate",
    ]
    report.notes += run.optimizerNote + run.scheduleNote(.linear)
    return .success(report)
  }

  static let horizon: Law = { _, run in
    guard let d = run.tokens else { return missing("tokens") }
    guard let tuned = run.tuned else { return missing("a rate tuned at another horizon") }
    var report = LawReport(
      law: "horizon", title: "Learning rate across token horizons",
      source: "Bjorck and others 2024, arXiv 2409.19913", units: "D: tokens", optimizer: "AdamW",
      schedule: "cosine to a tenth")
    let rate = HorizonLaw.learningRate(tuned: tuned.learningRate, at: tuned.tokens, tokens: d)
    let steep = HorizonLaw.learningRate(tuned: tuned.learningRate, at: tuned.tokens, tokens: d, exponent: 0.5869)
    report.estimates = [
      Estimate(
        .learningRate, rate, note: "D^−0.32, from \(shown(tuned.learningRate)) at \(shown(tuned.tokens)) tokens"),
      Estimate(.learningRate, steep, note: "D^−0.587, as a 125M model was measured from 25 to 800 billion tokens"),
    ]
    report.ranges = [RangeCheck("D", "tokens", d, 2.5e10, 8e11)]
    if let n = run.parameters { report.ranges.append(RangeCheck("N", "parameters", n, 5e7, 2.7e9)) }
    report.assumptions = ["the batch stays as it was tuned with", "three horizons of one's own give a better exponent"]
    report.unconfirmed = ["its setup (fixed batch of about 0.5 million tokens)"]
    report.notes = run.optimizerNote + run.scheduleNote(.cosine)
    return .success(report)
  }

  static let criticalBatch: Law = { _, run in
    guard let n = run.parameters else { return missing("parameters") }
    var report = LawReport(
      law: "critical-batch", title: "Critical batch size", source: "Zhang and others 2024, arXiv 2410.21676",
      units: "N: parameters; B: sequences of 512 tokens", optimizer: "Adam without decay",
      schedule: "constant, with averaged weights")
    // It follows D; with D = 20 N in its runs, D/20 stands for N.
    let effective = run.tokens.map { $0 / 20 } ?? n
    let batch = CriticalBatch.sequences(parameters: effective)
    report.estimates = [
      Estimate(
        .criticalBatch, batch * CriticalBatch.sequenceLength, "tokens",
        note:
          "\(shown(batch)) sequences of 512; 20 % more steps than linear scaling, so not the same as B_crit of others")
    ]
    if let d = run.tokens {
      report.estimates.append(Estimate(.warmup, d / 4, "tokens", note: "as in its runs, whose rate then stays"))
    }
    if run.tokens != nil { report.notes.append("computed from D/20, since the batch follows D rather than N") }
    report.ranges = [RangeCheck("D/20", "parameters", effective, 8.5e7, 1.2e9)]
    report.assumptions = ["D = 20 N in its runs", "beta2 tuned with the batch"]
    report.notes += run.optimizerNote
    return .success(report)
  }

  static let smallBatch: Law = { _, run in
    guard let batch = run.batchTokens else { return missing("a batch") }
    var report = LawReport(
      law: "small-batch", title: "Small batches: beta2 by its half-life",
      source: "Marek and others 2025, arXiv 2507.07101",
      units: "B: tokens", optimizer: "Adam, AdamW", schedule: "cosine to 0, 5 % warm-up")
    report.estimates = [
      Estimate(
        .secondMomentDecay, SmallBatch.beta(halfLife: SmallBatch.halfLife, batch: batch),
        note: "a half-life of 1e7 tokens")
    ]
    if let d = run.tokens {
      report.estimates.append(Estimate(.warmup, d / 20, "tokens", note: "as in its final runs"))
    }
    if let old = run.secondMoment {
      report.estimates.append(
        Estimate(
          .secondMomentDecay, SmallBatch.beta(old.beta2, at: old.batchTokens, for: batch),
          note: "the half-life of \(shown(old.beta2)) at \(shown(old.batchTokens)) tokens"))
    }
    if let last = report.estimates.last(where: { $0.quantity == .secondMomentDecay })?.value, last < 0.7 {
      report.notes.append("below 0.7 the rule is not to be trusted: keep beta2 at 0.9 or so")
    }
    report.assumptions = ["beta1 stays near 0.9", "the rate grows as B^0.18 between 1 and 1024 sequences of 1024"]
    report.ranges = [RangeCheck("B", "tokens", batch, 1024, 4096 * 1024)]
    if let n = run.parameters { report.ranges.append(RangeCheck("N", "parameters", n, 3e7, 1.3e9)) }
    return .success(report)
  }

  static let trajectoryInvariance: Law = { _, run in
    guard let rate = run.learningRate, let decay = run.weightDecay, decay > 0 else {
      return missing("a learning rate and a weight decay")
    }
    var report = LawReport(
      law: "trajectory-invariance", title: "Trajectory invariance", source: "Li and others 2025, arXiv 2509.25049",
      units: "rate × decay a step", optimizer: "AdamW", schedule: "any")
    let memory = TrajectoryInvariance.memory(learningRate: rate, weightDecay: decay)
    report.estimates = [
      Estimate(.timescaleSteps, memory, "steps", note: "the same for all runs of rate × decay \(shown(rate * decay))")
    ]
    if let d = run.tokens, let batch = run.batchTokens {
      report.estimates.append(Estimate(.timescale, memory * batch / d, "of the run"))
    }
    report.assumptions = [
      "evidence of one 164M model: a guide for searching, no law",
      "few steps or large batches: the rate decides, tune it; else the product does, tune the decay at a fixed rate",
    ]
    report.notes = run.optimizerNote
    return .success(report)
  }

  static let powerScheduler: Law = { _, run in
    guard let d = run.tokens, let batch = run.batchTokens else { return missing("tokens and a batch") }
    var report = LawReport(
      law: "power-scheduler", title: "Power scheduler", source: "Shen and others 2024, arXiv 2408.13359",
      units: "D: tokens; B: sequences of 4096 tokens", optimizer: "AdamW with muP, base width 256",
      schedule: "warm-up, power law or stable, decay")
    let sequences = batch / PowerScheduler.sequenceLength
    let power = PowerScheduler()
    report.estimates = [
      Estimate(
        .learningRate, PowerScheduler.stableOptimum(tokens: d, batchSequences: sequences),
        note: "peak of warm-up-stable-decay"),
      Estimate(
        .learningRate, power.learningRate(tokensSeen: d, batchSequences: sequences),
        note:
          "of the power schedule at the end; its cap of 0.02 ends at \(shown(power.capEnd(batchSequences: sequences))) tokens"
      ),
      Estimate(.warmup, 1e9, "tokens", note: "as in its runs"),
    ]
    report.ranges = [
      RangeCheck("D", "tokens", d, 2e9, 1.25e12), RangeCheck("B", "sequences of 4096", sequences, 16, 1024),
    ]
    if let n = run.parameters { report.ranges.append(RangeCheck("N", "parameters", n, 1.2e7, 3e9)) }
    report.assumptions = [
      "muP: hidden matrices get the rate divided by the width ratio", "the rate follows B in proportion",
    ]
    report.notes = run.optimizerNote
    report.unconfirmed = ["the range of the batch in its runs"]
    return .success(report)
  }

  static let deepSeek: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens else { return missing("parameters and tokens") }
    let compute = run.compute ?? 6 * (run.activeParameters ?? n) * d
    var report = LawReport(
      law: "deepseek", title: "DeepSeek", source: "Bi and others 2024, arXiv 2401.02954",
      units: "C: FLOP, here 6·N·D; B: tokens", optimizer: "AdamW", schedule: "multi-step")
    report.estimates = [
      Estimate(.learningRate, EarlierLaws.deepSeekLearningRate(compute: compute)),
      Estimate(.batch, EarlierLaws.deepSeekBatch(compute: compute), "tokens"),
    ]
    report.ranges = [RangeCheck("C", "FLOP", compute, 1e17, 2e19)]
    report.unconfirmed = [
      "its FLOP count (per token and layer, attention included) and its multi-step schedule",
      "the range of C of its runs",
    ]
    report.assumptions = ["on Step Law's grid its setting is 0.76 % above the best loss"]
    report.notes = run.optimizerNote
    return .success(report)
  }

  static let porian: Law = { _, run in
    guard let n = run.parameters else { return missing("parameters") }
    var report = LawReport(
      law: "porian", title: "Porian and others", source: "Porian and others 2024, arXiv 2406.19146",
      units: "N: parameters; B: tokens", optimizer: "AdamW", schedule: "constant or short decay")
    report.estimates = [
      Estimate(.learningRate, EarlierLaws.porianLearningRate(parameters: n)),
      Estimate(.batch, EarlierLaws.porianBatch(parameters: n), "tokens"),
    ]
    report.ranges = [RangeCheck("N", "parameters", n, 2.5e7, 1.1e8)]
    report.assumptions = ["on Step Law's grid its setting is 0.74 % above the best loss"]
    report.notes = run.optimizerNote + run.scheduleNote(.constant)
    return .success(report)
  }

  static let kaplan: Law = { _, run in
    guard let n = run.parameters else { return missing("parameters") }
    guard let rate = EarlierLaws.kaplanLearningRate(parameters: n) else {
      return .failure(ScalingError("gives a negative rate above 1.21e10 parameters"))
    }
    var report = LawReport(
      law: "kaplan", title: "Kaplan and others", source: "Kaplan and others 2020, arXiv 2001.08361",
      units: "N: parameters; B: tokens", optimizer: "Adam", schedule: "cosine to 0")
    report.estimates = [Estimate(.learningRate, rate)]
    if let loss = run.targetLoss {
      report.estimates.append(
        Estimate(.criticalBatch, EarlierLaws.kaplanBatch(loss: loss), "tokens", note: "at a loss of \(shown(loss))"))
      report.unconfirmed = ["the constant 2e8 of the batch"]
    }
    report.assumptions = ["on Step Law's grid its rate is 1.2 % above the best loss"]
    report.notes = run.optimizerNote
    return .success(report)
  }

  static let miniCPM: Law = { _, run in
    guard let loss = run.targetLoss else { return missing("a target loss") }
    var report = LawReport(
      law: "minicpm", title: "MiniCPM", source: "Hu and others 2024, arXiv 2404.06395", units: "L: nats; B: tokens",
      optimizer: "AdamW", schedule: "warm-up, stable, decay")
    report.estimates = [Estimate(.batch, EarlierLaws.miniCPMBatch(loss: loss), "tokens")]
    report.assumptions = ["from the line in its figure"]
    return .success(report)
  }
}
