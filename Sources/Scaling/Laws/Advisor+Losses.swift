/// The laws of loss, size and time.
extension Advisor {
  private static func addTime(_ report: inout LawReport, _ run: Situation, _ n: Double, _ d: Double) {
    let compute = 6 * (run.activeParameters ?? n) * d
    report.estimates.append(Estimate(.compute, compute, "FLOP", note: "6·N·D"))
    if let speed = run.speed {
      let seconds = compute / speed
      report.estimates.append(Estimate(.time, seconds, "s", note: "at \(shown(speed)) FLOP/s sustained"))
      if let deadline = run.deadline, seconds > deadline * 1.0001 {
        report.notes.append("\(shown(seconds)) s are more than the deadline of \(shown(deadline)) s")
      }
    }
    if let batch = run.batchTokens { report.estimates.append(Estimate(.steps, d / batch, "steps")) }
  }

  static let chinchilla: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens else { return missing("parameters and tokens") }
    var report = LawReport(
      law: "chinchilla", title: "Chinchilla's loss law, replicated",
      source: "Besiroglu and others 2024, arXiv 2404.10102",
      units: "N: parameters, with embeddings in the data; D: tokens; loss: nats a token", optimizer: "AdamW",
      schedule: "cosine")
    let law = ChinchillaLaw.replicated
    let best = law.optimum(compute: 6 * n * d)
    report.estimates = [
      Estimate(.loss, law.loss(parameters: n, tokens: d), "nats a token", note: "on Chinchilla's data and tokenizer"),
      Estimate(.parameters, best.parameters, note: "best for the same compute"),
      Estimate(.tokens, best.tokens, note: "best for the same compute"),
    ]
    if let loss = run.targetLoss {
      if let needed = law.tokens(parameters: n, loss: loss) {
        report.estimates.append(Estimate(.tokens, needed, note: "to reach a loss of \(shown(loss)) at this size"))
      } else {
        report.notes.append("this size does not reach a loss of \(shown(loss)) with any number of tokens")
      }
    }
    addTime(&report, run, n, d)
    report.ranges = [RangeCheck("N", "parameters", n, 4.4e7, 1.6e10), RangeCheck("D", "tokens", d, 5e9, 5e11)]
    report.assumptions = [
      "the level of the loss depends on data and tokenizer: refit it on your own runs ('scale fit')", "one epoch",
    ]
    report.unconfirmed = ["the exact range of N and D of the extracted runs"]
    return .success(report)
  }

  static let hoffmann: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens else { return missing("parameters and tokens") }
    var report = LawReport(
      law: "hoffmann", title: "Chinchilla's loss law as first fitted",
      source: "Hoffmann and others 2022, arXiv 2203.15556",
      units: "N: parameters with embeddings; D: tokens; loss: nats a token", optimizer: "AdamW", schedule: "cosine")
    let law = ChinchillaLaw.hoffmann
    let best = law.optimum(compute: 6 * n * d)
    report.estimates = [
      Estimate(.loss, law.loss(parameters: n, tokens: d), "nats a token"),
      Estimate(.parameters, best.parameters, note: "best for the same compute"),
    ]
    report.ranges = [RangeCheck("N", "parameters", n, 4.4e7, 1.6e10), RangeCheck("D", "tokens", d, 5e9, 5e11)]
    report.notes = ["does not minimise its own objective; the replicated fit does"]
    report.unconfirmed = ["the exact range of N and D of its runs"]
    return .success(report)
  }

  static let annealing: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens, let batch = run.batchTokens, let peak = run.learningRate else {
      return missing("parameters, tokens, a batch and the peak rate")
    }
    let warmup = AnnealingLaw.publishedWarmup
    let steps = d / batch
    guard steps >= Double(2 * warmup), steps <= 5e6 else {
      return .failure(ScalingError("speaks of \(2 * warmup) to 5,000,000 steps, and these are \(shown(steps))"))
    }
    let nearest = AnnealingLaw.published.min { abs(_log($0.parameters / n)) < abs(_log($1.parameters / n)) }
    guard let (size, law) = nearest else { return missing("a fit") }
    var report = LawReport(
      law: "annealing", title: "Loss by the annealing of the rate",
      source: "Tissue and others 2024, arXiv 2408.11029; fitted to the curves of arXiv 2503.12811",
      units: "rates a step; loss: nats a token", optimizer: "AdamW", schedule: "constant, cosine; falls to a tenth")
    let own = LearningRateSchedule.Kind(rawValue: run.schedule.rawValue)
    let others: [LearningRateSchedule.Kind] = [.cosine, .linear, .warmupStableDecay, .constant]
    for kind in [own].compactMap({ $0 }) + others.filter({ $0 != own }) {
      guard
        let schedule = try? LearningRateSchedule(
          kind, peak: peak, steps: Int(steps), warmup: warmup, final: kind == .constant ? peak : peak / 10,
          batchTokens: batch),
        let loss = try? law.losses(schedule.rates, warmup: warmup).last
      else { continue }
      report.estimates.append(Estimate(.loss, loss, "nats a token", note: kind.rawValue))
    }
    report.ranges = [
      RangeCheck("N", "parameters", n, 2.5e7, 4e8), RangeCheck("peak rate", "", peak, 3e-4, 3e-4),
      RangeCheck("S", "steps", steps, 24_000, 72_000),
    ]
    report.assumptions = [
      "the differences between schedules, not the level: that is of a model of \(shown(size)) parameters, its data and batch",
      "a warm-up of \(warmup) steps and a fall to a tenth of the peak",
    ]
    report.notes = ["a greater peak always looks better to this law"] + run.optimizerNote
    report.unconfirmed = ["the range of lambda, 0.999 here"]
    return .success(report)
  }

  static let stepwise: Law = { _, run in
    guard let n = run.parameters, let d = run.tokens, let batch = run.batchTokens else {
      return missing("parameters, tokens and a batch")
    }
    var report = LawReport(
      law: "stepwise", title: "Loss by steps and batch (Kaplan's form)",
      source: "Su and others 2024, arXiv 2403.06563; Kaplan and others 2020",
      units: "N: parameters; S: steps; B: tokens",
      optimizer: "Adam", schedule: "of its own setup")
    let law = StepwiseLaw.kaplan
    let loss = law.loss(parameters: n, steps: d / batch, batch: batch)
    report.estimates = [
      Estimate(.loss, loss, "nats a token"),
      Estimate(.criticalBatch, law.criticalBatch(loss: loss), "tokens", note: "at that loss"),
    ]
    report.notes = ["the constants belong to one data set, context and tokenizer: a shape, not a level"]
    report.unconfirmed = ["all six of Kaplan's constants"]
    return .success(report)
  }

  static let routed: Law = { _, run in
    guard let n = run.activeParameters, let experts = run.experts else {
      return missing("active parameters and the number of experts")
    }
    var report = LawReport(
      law: "routed", title: "Routed language models (S-BASE)", source: "Clark and others 2022, arXiv 2202.01169",
      units: "N: parameters a token uses; E: experts in a routed layer", optimizer: "Adam", schedule: "250,000 steps")
    let law = RoutedLaw.sinkhorn
    report.estimates = [
      Estimate(
        .parameters, law.denseEquivalent(parameters: n, experts: experts), note: "of the dense model with the same loss"
      ),
      Estimate(.loss, law.loss(parameters: n, experts: experts), "nats a token", note: "on its data"),
    ]
    report.ranges = [
      RangeCheck("N_active", "parameters", n, 1.5e7, 1.3e9), RangeCheck("E", "experts", experts, 1, 512),
    ]
    report.assumptions = ["routing in every second block", "constants refitted to the published curves"]
    return .success(report)
  }

  static let parallel: Law = { _, run in
    guard let n = run.parameters, let streams = run.streams else { return missing("parameters and parallel streams") }
    var report = LawReport(
      law: "parallel", title: "Parallel scaling", source: "Chen and others 2025, arXiv 2505.10475",
      units: "N: parameters without embeddings; P: streams", optimizer: "AdamW", schedule: "of its own setup")
    let (pile, stack) = (ParallelLaw.pile, ParallelLaw.stackPython)
    report.estimates = [
      Estimate(.loss, pile.loss(parameters: n, streams: streams), "nats a token", note: "Pile"),
      Estimate(.loss, stack.loss(parameters: n, streams: streams), "nats a token", note: "Stack, Python"),
      Estimate(.parameters, pile.equivalent(parameters: n, streams: streams), note: "of one stream as good, Pile"),
      Estimate(.parameters, stack.equivalent(parameters: n, streams: streams), note: "of one stream as good, Stack"),
    ]
    report.ranges = [
      RangeCheck("N", "parameters", n, 5e8, 4.4e9), RangeCheck("P", "streams", streams, 1, 8),
    ]
    report.unconfirmed = ["that its runs had 42 billion tokens"]
    return .success(report)
  }
}
