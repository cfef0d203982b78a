import TrimtabNumerics
import TrimtabStudies

/// The kernels of the trials that are not among the best, pending ones included.
///
/// Up to 1,000 they are all there. Beyond, the newest 64 and the pending ones stay, and the older ones are a uniform
/// sample of fixed size, each standing for its share of those left out: the mixture becomes an estimate of the whole
/// one, and its cost stays what it was at 1,000. Bandwidths cannot tell the difference, because with so many neighbours
/// they are at their lower bound.
///
/// Sources: Vitter, "Random sampling with a reservoir", ACM TOMS 11(1), 1985 (algorithm R); Gemulla, Lehner & Haas,
/// "A dip in the reservoir: maintaining sample synopses of evolving datasets", VLDB 2006 (trials that leave).
struct AboveKernels: Sendable {
  static let newest = 64

  private(set) var kernels: KernelSet
  private let capacity: Int
  private let seed: UInt64
  private let purpose: UInt64
  /// Trials from this number on are all kept.
  private var firstRecent = 0
  private var recentCount = 0
  private var sampledCount = 0
  /// Older trials with a result, those left out included.
  private var olderCount = 0
  /// Departures from and beside the sample that no arrival has made up for yet.
  private var sampledDepartures = 0
  private var otherDepartures = 0
  private var decisions: UInt64 = 0

  /// - Parameter capacity: how many older trials are kept.
  init(_ shape: ParzenShape, seed: UInt64, purpose: UInt64, capacity: Int = 936) {
    kernels = KernelSet(shape)
    self.capacity = capacity
    self.seed = seed
    self.purpose = purpose
  }

  /// The number of trials that the kernels stand for.
  var count: Int { olderCount + kernels.members.count - sampledCount }

  mutating func insert(_ trial: TrialNumber, isPending: Bool) {
    kernels.insert(KernelSet.Member(trial: trial, isPending: isPending))
    guard trial >= firstRecent else {
      if !isPending { offer(trial) }
      return
    }
    recentCount += 1
    guard recentCount > Self.newest else { return }
    let oldest = kernels.members[kernels.members.count - recentCount]
    firstRecent = oldest.trial + 1
    recentCount -= 1
    if !oldest.isPending { offer(oldest.trial) }
  }

  /// Takes out a trial that was inserted.
  mutating func remove(_ trial: TrialNumber) {
    guard let index = kernels.index(of: trial) else {
      olderCount -= 1
      otherDepartures += 1
      return
    }
    if kernels.members[index].isSampled {
      olderCount -= 1
      sampledCount -= 1
      sampledDepartures += 1
    } else if trial >= firstRecent {
      recentCount -= 1
    }
    kernels.remove(at: index)
  }

  /// Takes note that a pending trial has its result.
  mutating func finish(_ trial: TrialNumber) {
    guard let index = kernels.index(of: trial), kernels.members[index].isPending else { return }
    kernels.setPending(false, at: index)
    if trial < firstRecent { offer(trial) }
  }

  /// Decides whether a trial that is no longer recent stays.
  private mutating func offer(_ trial: TrialNumber) {
    olderCount += 1
    decisions += 1
    var stream = RandomStream(seed: seed, purpose: purpose, index: decisions)
    let isKept: Bool
    let departures = sampledDepartures + otherDepartures
    if departures > 0 {
      isKept = stream.index(below: departures) < sampledDepartures
      if isKept { sampledDepartures -= 1 } else { otherDepartures -= 1 }
    } else if sampledCount < capacity {
      isKept = true
    } else {
      isKept = stream.index(below: olderCount) < capacity
      if isKept { removeSampled(stream.index(below: sampledCount)) }
    }
    guard let index = kernels.index(of: trial) else { return }
    if isKept {
      kernels.setSampled(true, at: index)
      sampledCount += 1
    } else {
      kernels.remove(at: index)
    }
  }

  /// Removes the sampled member with this many sampled ones before it.
  private mutating func removeSampled(_ number: Int) {
    var rest = number
    for index in kernels.members.indices where kernels.members[index].isSampled {
      if rest == 0 {
        kernels.remove(at: index)
        sampledCount -= 1
        return
      }
      rest -= 1
    }
  }

  mutating func load(_ history: History) { kernels.load(history) }

  /// The weight of each member: its age's, times the number of trials that it stands for.
  func weights() -> [Double] {
    let total = count
    let share = sampledCount > 0 ? Double(olderCount) / Double(sampledCount) : 1
    var rank = 0.0
    return kernels.members.map { member in
      let represented = member.isSampled ? share : 1
      let weight = represented * Self.weight(rank: rank + (represented - 1) / 2, of: total)
      rank += represented
      return weight
    }
  }

  /// The weight of the trial with so many older ones among `count`: 1 for the newest 25 and, before them, rising evenly
  /// from 1 / count to 1.
  static func weight(rank: Double, of count: Int) -> Double {
    let ramp = count - 25
    guard ramp > 0, rank < Double(ramp) else { return 1 }
    let least = 1 / Double(count)
    return ramp == 1 ? least : min(1, least + (1 - least) * rank / Double(ramp - 1))
  }
}
