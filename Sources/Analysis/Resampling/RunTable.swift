/// The runs of methods on tasks, flat in memory and sorted, so that a bootstrap draw costs no allocation per task.
struct RunTable {
  let methodCount: Int
  let seedCounts: [Int]
  /// Where a task's runs begin in the rows of `values`.
  private let offsets: [Int]
  /// `[method][run]`, runs being the seeds of all tasks one after another.
  private let values: [[Double]]
  /// `[method]`: the runs in increasing order of value, NaN last.
  private let orders: [[Int]]

  /// - Parameter values: `[task][method][seed]`.
  init(_ values: [[[Double]]]) throws(AnalysisError) {
    let methodCount = try commonCount(values, rows: "task", elements: "methods")
    var seedCounts: [Int] = []
    var offsets: [Int] = []
    var total = 0
    for (i, task) in values.enumerated() {
      let count = task[0].count
      for (method, runs) in task.enumerated() where runs.count != count || count == 0 {
        throw AnalysisError(
          "task \(i) has \(runs.count) seeds of method \(method) and \(count) of method 0; "
            + "all need the same seeds, at least one")
      }
      offsets.append(total)
      seedCounts.append(count)
      total += count
    }
    self.methodCount = methodCount
    self.seedCounts = seedCounts
    self.offsets = offsets
    let flat = (0..<methodCount).map { method in values.flatMap { $0[method] } }
    self.values = flat
    orders = flat.map { row in row.indices.sorted { row[$0] < row[$1] || (row[$1].isNaN && !row[$0].isNaN) } }
  }

  /// One table for every point.
  ///
  /// - Parameter values: `[task][method][seed][point]`.
  static func byPoint(_ values: [[[[Double]]]]) throws(AnalysisError) -> [RunTable] {
    let runs = values.flatMap { $0.flatMap { $0 } }
    let count = try commonCount(runs, rows: "run", elements: "points", atLeast: 0)
    var tables: [RunTable] = []
    for point in 0..<count {
      tables.append(try RunTable(values.map { task in task.map { runs in runs.map { $0[point] } } }))
    }
    return tables
  }

  /// The means over the seeds drawn, `[method * tasks drawn + place]`.
  private func means(_ resample: Bootstrap.Resample) -> [Double] {
    let places = resample.tasks.count
    return [Double](unsafeUninitializedCapacity: methodCount * places) { means, count in
      for place in 0..<places {
        let offset = offsets[resample.tasks[place]]
        resample.seeds[place].withUnsafeBufferPointer { seeds in
          for method in 0..<methodCount {
            values[method].withUnsafeBufferPointer { row in
              var sum = 0.0
              for seed in seeds { sum += row[offset + seed] }
              means.initializeElement(at: method * places + place, to: sum / Double(seeds.count))
            }
          }
        }
      }
      count = methodCount * places
    }
  }

  /// The average rank of each method over the tasks drawn.
  func averageRanks(_ resample: Bootstrap.Resample, decimals: Int?) -> [Double] {
    var means = means(resample)
    if let decimals {
      for i in means.indices { means[i] = rounded(means[i], decimals: decimals) }
    }
    let places = resample.tasks.count
    var sums = [Double](repeating: 0, count: methodCount)
    for place in 0..<places {
      for method in 0..<methodCount {
        let own = means[method * places + place]
        var below = 0
        var equal = 0
        for other in 0..<methodCount {
          let value = means[other * places + place]
          if value < own || (own.isNaN && !value.isNaN) {
            below += 1
          } else if value == own || (own.isNaN && value.isNaN) {
            equal += 1
          }
        }
        sums[method] += Double(below) + Double(equal + 1) / 2
      }
    }
    return sums.map { $0 / Double(places) }
  }

  /// The function from a draw to the aggregate of each method.
  func aggregator(_ aggregate: Aggregate) -> (Bootstrap.Resample) -> [Double] {
    switch aggregate {
    case .mean:
      return { resample in
        let means = means(resample)
        let places = resample.tasks.count
        return (0..<methodCount).map { method in
          var sum = 0.0
          for i in (method * places)..<((method + 1) * places) { sum += means[i] }
          return sum / Double(places)
        }
      }
    case .median:
      return { resample in
        let means = means(resample)
        let places = resample.tasks.count
        return (0..<methodCount).map { method in
          median(Array(means[(method * places)..<((method + 1) * places)]))
        }
      }
    case .interquartileMean:
      return { resample in interquartileMeans(resample) }
    case .optimalityGap(let target):
      let gaps = RunTable(self, values.map { row in row.map { $0.isNaN ? $0 : max($0 - target, 0) } })
      return gaps.aggregator(.mean)
    }
  }

  /// The same tasks and seeds with other values.
  private init(_ table: RunTable, _ values: [[Double]]) {
    methodCount = table.methodCount
    seedCounts = table.seedCounts
    offsets = table.offsets
    self.values = values
    orders = table.orders
  }

  /// Walks the runs in order of value, each as often as it was drawn: sorting each draw would take ten times as long.
  private func interquartileMeans(_ resample: Bootstrap.Resample) -> [Double] {
    var times = [Int](repeating: 0, count: values[0].count)
    var total = 0
    for (task, seeds) in zip(resample.tasks, resample.seeds) {
      for seed in seeds { times[offsets[task] + seed] += 1 }
      total += seeds.count
    }
    let cut = total / 4
    return (0..<methodCount).map { method in
      var sum = 0.0
      var passed = 0
      for run in orders[method] {
        let count = times[run]
        if count == 0 { continue }
        if values[method][run].isNaN { return .nan }
        let kept = min(passed + count, total - cut) - max(passed, cut)
        if kept > 0 { sum += Double(kept) * values[method][run] }
        passed += count
      }
      return sum / Double(total - 2 * cut)
    }
  }
}
