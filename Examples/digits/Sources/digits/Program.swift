/// Runs the command line; returns the exit status: 0 done, 1 something outside failed, 2 wrong input,
/// 143 asked to stop before the end (the checkpoint is saved).
func runDigits(_ arguments: [String]) -> Int32 {
  do {
    let options = try CommandLineOptions(
      arguments, defaultSeed: try environmentInteger("TRIMTAB_SEED", from: 0).map { UInt64($0) } ?? 1)
    if options.help {
      printLine(CommandLineOptions.usage)
      return 0
    }
    if let folder = options.evaluate {
      try evaluate(folder, data: options.data)
      return 0
    }
    return try train(options)
  } catch {
    printError(error.message)
    return error.status
  }
}

private func train(_ options: CommandLineOptions) throws(Failure) -> Int32 {
  let epochs = try environmentInteger("TRIMTAB_RESOURCE", from: 1) ?? options.epochs
  let alreadyReported = try environmentInteger("TRIMTAB_RESOURCE_FROM", from: 0)
  if let alreadyReported, alreadyReported > epochs {
    throw .usage("TRIMTAB_RESOURCE_FROM=\(alreadyReported) is beyond the \(epochs) epochs to reach")
  }
  let digits = try Digits.load(from: options.data)
  let folder = environment("TRIMTAB_CHECKPOINT")
  let reporter = try Reporter()
  // Only now: a program that waits for a reader of its pipe should still end at a signal.
  let stop = StopRequest()

  let training =
    try folder.flatMap { (folder) throws(Failure) in
      try resumed(from: folder, options.settings, digits)
    } ?? Training(options.settings)
  if training.history.count > 0 { printLine("going on after epoch \(training.history.count)") }

  // What a run that was cut off had saved but not reported. Without a tuner nobody has asked for it.
  for (index, result) in training.history.enumerated() {
    guard let alreadyReported, index >= alreadyReported, index < epochs else { continue }
    try reporter.report(reportLine(epoch: index + 1, result))
  }
  while training.history.count < epochs {
    if stop.made {
      printLine("asked to stop after epoch \(training.history.count)")
      return 143
    }
    let result = training.runEpoch(digits)
    let epoch = training.history.count
    // Saved before it is reported: an epoch that the tuner knows of is never trained again. A diverged one is
    // not saved, since nothing can go on from it.
    if let folder, result.loss.isFinite {
      try replaceFile(
        Checkpoint.fileName, in: folder, with: Checkpoint.encode(training, dataChecksum: digits.checksum))
    }
    printLine(progressLine(epoch: epoch, of: epochs, result))
    if epoch > alreadyReported ?? 0 { try reporter.report(reportLine(epoch: epoch, result)) }
    if !result.loss.isFinite { return 0 }
  }
  return 0
}

/// The training run that `folder` holds; nil, having said why, if there is none to go on with.
private func resumed(from folder: String, _ settings: Settings, _ digits: Digits) throws(Failure) -> Training? {
  let path = "\(folder)/\(Checkpoint.fileName)"
  guard let bytes = try readFile(path) else { return nil }
  do {
    let training = try Checkpoint.decode(bytes, dataChecksum: digits.checksum)
    if training.settings == settings { return training }
    let others = training.settings.flags.filter { !settings.flags.contains($0) }
    printError("\(path): it was trained with \(others.joined(separator: " ")); starting from scratch")
  } catch {
    printError("\(path): \(error.reason); starting from scratch")
  }
  return nil
}

/// Prints the score of a checkpoint's network on the test images, which training never looks at.
private func evaluate(_ folder: String, data: String?) throws(Failure) {
  let digits = try Digits.load(from: data)
  let path = "\(folder)/\(Checkpoint.fileName)"
  guard let bytes = try readFile(path) else { throw .environment("\(path): there is no such file") }
  let training: Training
  do {
    training = try Checkpoint.decode(bytes, dataChecksum: digits.checksum)
  } catch {
    throw .environment("\(path): \(error.reason)")
  }
  let score = training.network.evaluate(digits.test)
  printLine(
    #"{"test_loss": \#(score.loss), "test_accuracy": \#(score.accuracy), "epoch": \#(training.history.count)}"#)
}
