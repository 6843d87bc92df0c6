"""The real Slurm cluster of `deploy/test-cluster`, and a facility on it, for tests, benchmarks and demonstrations."""

from superfacility.testing.clusters.cluster import Person, SlurmCluster
from superfacility.testing.clusters.site import invitations, on_cluster

__all__ = ["Person", "SlurmCluster", "invitations", "on_cluster"]
