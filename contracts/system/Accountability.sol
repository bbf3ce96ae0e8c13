// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bls12381} from "./Bls12381.sol";
import {IAccountability} from "./IAccountability.sol";

/// @title Record of members who contradicted themselves
/// @dev A system contract: part of the genesis, without constructor, owner or balance, and never replaced. Nodes read
/// its storage directly, so its layout is part of the protocol. Signed bytes and contradictions are those of the
/// consensus core (`simplex/signing.ts`, `simplex/evidence.ts`), which the tests compare with it.
contract Accountability is IAccountability {
    /// @dev The first bytes of everything that members sign.
    bytes12 private constant SIGNING_TAG = "AEVIR_BFT_V1";

    /// @dev An {Offence} in four slots. The members of a slot stand in the order of its bytes from the lowest.
    struct Entry {
        bytes32 keyLow;
        bytes16 keyHigh;
        uint48 epoch;
        uint48 viewNumber;
        Layer layer;
        Kind firstKind;
        Kind secondKind;
        bytes32 committee;
        address reporter;
        uint64 blockNumber;
    }

    /// @dev Slot 0.
    Entry[] private _entries;
    /// @dev Slot 1: by {_identify}, one more than the index.
    mapping(bytes32 => uint256) private _positions;
    /// @dev Slot 2: indexes by hash of the compressed key.
    mapping(bytes32 => uint256[]) private _indexesOf;

    /// @inheritdoc IAccountability
    function report(
        bytes32[4] calldata key,
        Scope calldata scope,
        Statement calldata first,
        Statement calldata second
    ) external returns (uint256 index) {
        if (!_contradict(first, second)) revert NoContradiction(first.kind, second.kind);
        if (Bls12381.isInfinity(key)) revert KeyIsInfinity();
        (bytes16 keyHigh, bytes32 keyLow) = Bls12381.compress(key);
        bytes memory publicKey = bytes.concat(keyHigh, keyLow);
        bytes32 keyHash = keccak256(publicKey);
        bytes32 id = _identify(keyHash, scope);
        // Before the signatures: who comes second pays little.
        if (_positions[id] != 0) revert AlreadyRecorded(_positions[id] - 1);
        _verify(key, publicKey, scope, first);
        _verify(key, publicKey, scope, second);

        index = _entries.length;
        _entries.push(
            Entry({
                keyLow: keyLow,
                keyHigh: keyHigh,
                epoch: scope.epoch,
                viewNumber: scope.viewNumber,
                layer: scope.layer,
                firstKind: first.kind,
                secondKind: second.kind,
                committee: scope.committee,
                reporter: msg.sender,
                // Chains count their blocks in 64 bits.
                blockNumber: uint64(block.number)
            })
        );
        _positions[id] = index + 1;
        _indexesOf[keyHash].push(index);
        emit Equivocation(
            keyHash, msg.sender, publicKey, scope.layer, scope.epoch, scope.committee, scope.viewNumber
        );
    }

    /// @inheritdoc IAccountability
    function offenceCount() external view returns (uint256) {
        return _entries.length;
    }

    /// @inheritdoc IAccountability
    function offenceAt(uint256 index) external view returns (Offence memory) {
        if (index >= _entries.length) revert NoSuchOffence(index, _entries.length);
        Entry memory entry = _entries[index];
        return Offence({
            publicKey: bytes.concat(entry.keyHigh, entry.keyLow),
            scope: Scope(entry.layer, entry.epoch, entry.committee, entry.viewNumber),
            firstKind: entry.firstKind,
            secondKind: entry.secondKind,
            blockNumber: entry.blockNumber,
            reporter: entry.reporter
        });
    }

    /// @inheritdoc IAccountability
    function offencesOf(bytes32 keyHash) external view returns (uint256[] memory) {
        return _indexesOf[keyHash];
    }

    /// @inheritdoc IAccountability
    function isRecorded(bytes32 keyHash, Scope calldata scope) external view returns (bool) {
        return _positions[_identify(keyHash, scope)] != 0;
    }

    /// @inheritdoc IAccountability
    function signedBytes(Scope calldata scope, Kind kind, bytes32 hash) external view returns (bytes32) {
        return _signedBytes(scope, kind, hash);
    }

    /// @dev Two proposals, two notarizations or two finalizations of different blocks, or giving up a view and
    /// finalizing in it. Notarizing and then giving up is honest, and so is finalizing another block than the one
    /// notarized. Both statements are about the same view: there is only one in the scope.
    function _contradict(Statement calldata first, Statement calldata second) private pure returns (bool) {
        if (first.kind == second.kind) return first.hash != second.hash;
        return (first.kind == Kind.Finalize && second.kind == Kind.Nullify)
            || (first.kind == Kind.Nullify && second.kind == Kind.Finalize);
    }

    /// @dev Reverts unless the key signed the statement.
    function _verify(
        bytes32[4] calldata key,
        bytes memory publicKey,
        Scope calldata scope,
        Statement calldata statement
    ) private view {
        bytes32 message = _signedBytes(scope, statement.kind, statement.hash);
        Bls12381.Verdict verdict = Bls12381.verify(key, message, statement.signature);
        if (verdict == Bls12381.Verdict.NotInGroup) revert NotInGroup(publicKey, statement.kind);
        if (verdict == Bls12381.Verdict.Invalid) revert InvalidSignature(publicKey, statement.kind);
    }

    function _signedBytes(Scope calldata scope, Kind kind, bytes32 hash) private view returns (bytes32) {
        return sha256(
            abi.encodePacked(
                SIGNING_TAG,
                uint64(block.chainid),
                scope.layer,
                uint64(scope.epoch),
                scope.committee,
                kind,
                uint64(scope.viewNumber),
                hash
            )
        );
    }

    /// @dev The committee is part of it: otherwise an offender could report himself for one that never was, and
    /// nobody could report the same view of the real one.
    function _identify(bytes32 keyHash, Scope calldata scope) private pure returns (bytes32) {
        return keccak256(abi.encode(keyHash, scope.layer, scope.epoch, scope.committee, scope.viewNumber));
    }
}
