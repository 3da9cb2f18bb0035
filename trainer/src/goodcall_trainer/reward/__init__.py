"""Rewards of a run: TRL's rollouts in, the service's scores out, and what is counted on the way."""

from goodcall_trainer.reward.columns import reward_columns
from goodcall_trainer.reward.early import score_early
from goodcall_trainer.reward.function import GoodcallReward, make_reward
from goodcall_trainer.reward.hacking import HackingAlarm
from goodcall_trainer.reward.tally import RewardTally

__all__ = ["GoodcallReward", "HackingAlarm", "RewardTally", "make_reward", "reward_columns", "score_early"]
