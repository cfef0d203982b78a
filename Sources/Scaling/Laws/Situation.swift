/// The run that is planned: what is known of it. Every size is a count, every rate a plain number.
public struct Situation: Sendable {
  public enum Optimizer: String, Sendable, CaseIterable {
    case sgd, adam, adamw, adafactor, muon, lion
  }

  public enum Schedule: String, Sendable, CaseIterable {
    case cosine, linear, wsd, constant, power
  }

  /// N: parameters without embeddings and output head; of all experts where there are some.
  public var parameters: Double?
  /// Parameters that one token passes, for mixtures of experts.
  public var activeParameters: Double?
  /// Experts in each routed layer.
  public var experts: Double?
  /// D: training tokens.
  public var tokens: Double?
  /// B: tokens a step.
  public var batchTokens: Double?
  public var sequenceLength: Double = 2048
  public var optimizer: Optimizer
  public var schedule: Schedule = .cosine
  /// The peak rate that hidden matrices get, where it is settled already.
  public var learningRate: Double?
  public var weightDecay: Double?
  /// A rate found at another horizon, and that horizon's tokens.
  public var tuned: (learningRate: Double, tokens: Double)?
  /// A loss aimed at, in nats a token.
  public var targetLoss: Double?
  /// C: training FLOP.
  public var compute: Double?
  /// FLOP a second that the hardware sustains in training, all devices together.
  public var speed: Double?
  /// Seconds until the run must have ended.
  public var deadline: Double?
  /// Streams of parallel scaling.
  public var streams: Double?
  /// Adam's second decay at another batch, from which the rule for small batches starts.
  public var secondMoment: (beta2: Double, batchTokens: Double)?

  public init(optimizer: Optimizer) { self.optimizer = optimizer }

  /// The situation with sizes derived from FLOP, or from hardware and a deadline, where they were not given; and how.
  ///
  /// Compute is C = 6·N·D. Without N and D, both follow from the compute-optimal split of the replicated Chinchilla law.
  /// - Throws: `ScalingError` naming an impossible or contradictory input.
  public func resolved() throws(ScalingError) -> (situation: Situation, notes: [String]) {
    try check()
    var result = self
    var notes: [String] = []
    if result.compute == nil, parameters == nil || tokens == nil, let speed, let deadline {
      result.compute = speed * deadline
      notes.append("compute: \(shown(speed)) FLOP/s for \(shown(deadline)) s is \(shown(speed * deadline)) FLOP")
    }
    if let compute = result.compute {
      switch (parameters, tokens) {
      case (nil, nil):
        let split = ChinchillaLaw.replicated.optimum(compute: compute)
        result.parameters = split.parameters
        result.tokens = split.tokens
        notes.append(
          "N and D: the compute-optimal split of the replicated Chinchilla law, \(shown(split.parameters)) parameters "
            + "and \(shown(split.tokens)) tokens")
      case (let n?, nil):
        result.tokens = compute / (6 * n)
        notes.append("D: \(shown(compute)) FLOP / (6 N)")
      case (nil, let d?):
        result.parameters = compute / (6 * d)
        notes.append("N: \(shown(compute)) FLOP / (6 D)")
      case (let n?, let d?):
        let own = 6 * (activeParameters ?? n) * d
        guard abs(own / compute - 1) < 0.2 else {
          throw ScalingError(
            "6·N·D is \(shown(own)) FLOP, and \(shown(compute)) were given: leave one of N, D and the FLOP out")
        }
      }
    }
    try result.checkTogether()
    return (result, notes)
  }

  private func check() throws(ScalingError) {
    let inputs: [(String, Double?)] = [
      ("the number of parameters", parameters), ("the number of active parameters", activeParameters),
      ("the number of experts", experts), ("the number of tokens", tokens), ("the batch in tokens", batchTokens),
      ("the sequence length", sequenceLength), ("the learning rate", learningRate),
      ("the tuned learning rate", tuned?.learningRate),
      ("the tokens of the tuned learning rate", tuned?.tokens), ("the target loss", targetLoss),
      ("the compute in FLOP", compute), ("the speed in FLOP/s", speed), ("the deadline in seconds", deadline),
      ("the number of streams", streams), ("the batch that beta2 was used at", secondMoment?.batchTokens),
    ]
    for (name, value) in inputs { if let value { try requirePositive(value, name) } }
    if let weightDecay, !(weightDecay >= 0 && weightDecay.isFinite) {
      throw ScalingError("the weight decay is \(shown(weightDecay)); it must be 0 or more")
    }
    if let beta2 = secondMoment?.beta2, !(beta2 > 0 && beta2 < 1) {
      throw ScalingError("beta2 is \(shown(beta2)); it must lie between 0 and 1")
    }
    if let parameters, let activeParameters, activeParameters > parameters {
      throw ScalingError(
        "\(shown(activeParameters)) active parameters are more than the \(shown(parameters)) there are in all")
    }
  }

  /// Sizes that cannot go together: most often sequences given for tokens, or tokens for sequences.
  private func checkTogether() throws(ScalingError) {
    if let batchTokens, batchTokens < sequenceLength, batchTokens > 1 {
      throw ScalingError(
        "a batch of \(shown(batchTokens)) tokens is less than one sequence of \(shown(sequenceLength)): if these are "
          + "sequences, give the batch in sequences, or else the right sequence length")
    }
    if let batchTokens, let tokens {
      guard batchTokens <= tokens else {
        throw ScalingError(
          "a batch of \(shown(batchTokens)) tokens is more than all \(shown(tokens)) training tokens: were tokens given "
            + "where sequences of \(shown(sequenceLength)) are meant, or sequences where training tokens are?")
      }
      guard tokens / batchTokens >= 100 else {
        throw ScalingError(
          "\(shown(tokens)) tokens in batches of \(shown(batchTokens)) are \(shown(tokens / batchTokens)) steps: no law "
            + "holds there; were tokens given where sequences are meant?")
      }
    }
    if let parameters, let tokens, tokens < parameters / 100 {
      throw ScalingError(
        "\(shown(tokens)) tokens for \(shown(parameters)) parameters are \(shown(tokens / parameters)) a parameter: were "
          + "sequences or steps given where training tokens are meant?")
    }
  }
}
