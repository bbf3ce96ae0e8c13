// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAmmFactory} from "../interfaces/IAmmFactory.sol";
import {AmmPair} from "./AmmPair.sol";

/// @title Registry and maker of pairs
/// @notice Pairs are created by CREATE2 with both tokens as salt: their addresses are known beforehand.
contract AmmFactory is IAmmFactory {
    mapping(address token0 => mapping(address token1 => address)) private _pairs;
    address[] private _list;

    /// @inheritdoc IAmmFactory
    function createPair(address tokenA, address tokenB) external returns (address pair) {
        if (tokenA == tokenB) revert IdenticalTokens(tokenA);
        (address token0, address token1) = _sorted(tokenA, tokenB);
        if (token0.code.length == 0) revert NotAToken(token0);
        if (token1.code.length == 0) revert NotAToken(token1);
        pair = _pairs[token0][token1];
        if (pair != address(0)) revert PairExists(token0, token1, pair);
        pair = address(new AmmPair{salt: keccak256(abi.encode(token0, token1))}(token0, token1));
        _pairs[token0][token1] = pair;
        _list.push(pair);
        emit PairCreated(token0, token1, pair, _list.length);
    }

    /// @inheritdoc IAmmFactory
    function pairOf(address tokenA, address tokenB) external view returns (address) {
        (address token0, address token1) = _sorted(tokenA, tokenB);
        return _pairs[token0][token1];
    }

    /// @inheritdoc IAmmFactory
    function pairCount() external view returns (uint256) {
        return _list.length;
    }

    /// @inheritdoc IAmmFactory
    function pairAt(uint256 index) external view returns (address) {
        if (index >= _list.length) revert PairIndexOutOfBounds(index, _list.length);
        return _list[index];
    }

    function _sorted(address tokenA, address tokenB) private pure returns (address token0, address token1) {
        return tokenA < tokenB ? (tokenA, tokenB) : (tokenB, tokenA);
    }
}
