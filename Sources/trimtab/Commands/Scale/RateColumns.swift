import ArgumentParser

/// The columns of a sweep over learning rates.
struct RateColumns: ParsableArguments {
  @Option(help: "The column of the learning rate.")
  var rate = "lr"

  @Option(help: "The column of the loss.")
  var loss = "loss"

  func read(_ table: DataTable) throws -> (rates: [Double], losses: [Double]) {
    (try table.numbers(rate, option: "--rate"), try table.numbers(loss, option: "--loss"))
  }
}
