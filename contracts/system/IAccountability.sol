// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Record of members who contradicted themselves
/// @notice Anybody may bring two signed statements of one view that no honest node signs both. The contract checks the
/// signatures and writes down whose key it was, for good. It neither knows who serves in a committee nor what an
/// offence costs: a key that never was a member can be recorded as well, at the expense of whoever reports it.
/// Contracts that punish compare key, layer, epoch and committee with what they know.
interface IAccountability {
    /// @dev In the order of their codes in signed bytes.
    enum Layer {
        Execution,
        Witness
    }

    /// @dev In the order of their codes in signed bytes.
    enum Kind {
        Propose,
        Notarize,
        Nullify,
        Finalize
    }

    /// @dev Where the statements were made: signatures are worth nothing for another chain, layer, epoch or committee.
    /// The chain is always this one. The core counts epochs and views in 48 bits.
    struct Scope {
        Layer layer;
        uint48 epoch;
        bytes32 committee;
        uint48 viewNumber;
    }

    /// @dev `hash` is the proposal's; zero for Nullify. The signature is a point of G2 as EIP-2537 encodes it:
    /// x.c0, x.c1, y.c0, y.c1 of 64 bytes each.
    struct Statement {
        Kind kind;
        bytes32 hash;
        bytes32[8] signature;
    }

    /// @dev What is recorded. The key is in its compressed form of 48 bytes, as the registry of nodes has it.
    struct Offence {
        bytes publicKey;
        Scope scope;
        Kind firstKind;
        Kind secondKind;
        uint64 blockNumber;
        address reporter;
    }

    /// @notice A key has signed two statements that contradict each other. `keyHash` is keccak-256 of `publicKey`.
    event Equivocation(
        bytes32 indexed keyHash,
        address indexed reporter,
        bytes publicKey,
        Layer layer,
        uint48 epoch,
        bytes32 committee,
        uint48 viewNumber
    );

    /// @notice An honest node may say both.
    error NoContradiction(Kind firstKind, Kind secondKind);
    /// @notice The point at infinity is nobody's key: everything "verifies" against it.
    error KeyIsInfinity();
    /// @notice The key or the signature is not canonically encoded, not on its curve, or outside of its subgroup.
    error NotInGroup(bytes publicKey, Kind kind);
    /// @notice This key did not sign this statement in this scope.
    error InvalidSignature(bytes publicKey, Kind kind);
    /// @notice Somebody was faster: the offence with this index says the same.
    error AlreadyRecorded(uint256 index);
    /// @notice There are only `count` offences.
    error NoSuchOffence(uint256 index, uint256 count);

    /// @notice Records that a key contradicted itself. The first report of a view counts, whatever else the key signed
    /// in that view. Takes about 550,000 gas. Nothing is paid to the reporter, so that copying
    /// somebody's report gains nothing.
    /// @param key The point of G1 as EIP-2537 encodes it: x and y of 64 bytes each.
    /// @param scope Where both statements were made, their common view included.
    /// @return index Of the recorded offence.
    function report(
        bytes32[4] calldata key,
        Scope calldata scope,
        Statement calldata first,
        Statement calldata second
    ) external returns (uint256 index);

    /// @notice The number of recorded offences.
    function offenceCount() external view returns (uint256);

    /// @notice Offences in the order in which they were recorded, counted from 0.
    function offenceAt(uint256 index) external view returns (Offence memory);

    /// @notice Indexes of the offences of one key. @param keyHash keccak-256 of the compressed key.
    function offencesOf(bytes32 keyHash) external view returns (uint256[] memory);

    /// @notice Whether an offence of this key in this scope is recorded. @param keyHash keccak-256 of the compressed key.
    function isRecorded(bytes32 keyHash, Scope calldata scope) external view returns (bool);

    /// @notice The 32 bytes that a member signs to make a statement on this chain.
    function signedBytes(Scope calldata scope, Kind kind, bytes32 hash) external view returns (bytes32);
}
